"""The limit: ``limit.c``, compiled at run time, clones the tree of an environment with nothing around it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import output

SOURCE = Path(__file__).with_name("limit.c")


def why_no_limit() -> str | None:
    """Say what this machine lacks to compile it, or None."""
    return None if _compiler() else "there is no C compiler (cc or gcc)"


def compile_limit(directory: Path) -> Path:
    """Compile the program into ``directory`` and return where it is."""
    program = directory / "limit"
    output([_compiler() or "cc", "-O2", "-o", program, SOURCE])
    return program


def limit_command(program: Path, tree: Path, target: Path) -> list[str]:
    """Return the command that clones ``tree`` to ``target``, on all cores; the list of files is written beside it."""
    listing = tree.with_name(f"{tree.name}.list")
    listing.write_text("\n".join(_lines(tree)) + "\n", encoding="utf-8")
    return [str(program), str(listing), str(tree), str(target), str(os.cpu_count())]


def _lines(tree: Path) -> Iterator[str]:
    files = []
    for directory, names, contents in os.walk(tree):
        here = Path(directory)
        for name in names:
            if not (here / name).is_symlink():
                yield f"d {(here / name).relative_to(tree)}"
        for name in contents:
            status = (here / name).lstat()
            if not (here / name).is_symlink():
                seconds, nanoseconds = divmod(status.st_mtime_ns, 10**9)
                files.append(f"f {status.st_mode & 0o777:o} {seconds} {nanoseconds} {(here / name).relative_to(tree)}")
    yield from files


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")
