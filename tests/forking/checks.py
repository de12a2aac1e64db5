"""What holds of every fork."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

from tests.conftest import python_of
from tests.support.comparison import site_packages


def naming(root: Path, place: Path) -> list[str]:
    """Which files and links below ``root`` hold a path, but for bytecode."""
    needle = os.fsencode(place)
    return [str(path.relative_to(root)) for path in _all_below(root) if needle in _content(path)]


def untrue_rows(environment: Path) -> list[str]:
    """Which rows of RECORD name a file that has another hash or size."""
    library = site_packages(environment)
    found = []
    for record in library.glob("*.dist-info/RECORD"):
        with record.open(newline="", encoding="utf-8") as stream:
            for path, digest, size in csv.reader(stream):
                if digest and _row(library / path, digest.partition("=")[0]) != (digest, size):
                    found.append(path)
    return found


def stale_bytecode(environment: Path) -> list[str]:
    """Which bytecode would not be taken for its source (PEP 552)."""
    found = []
    for source in environment.rglob("*.py"):
        bytecode = Path(cache_from_source(str(source)))
        if bytecode.exists():
            header, status = bytecode.read_bytes()[:16], source.stat()
            if header[8:] != int(status.st_mtime).to_bytes(4, "little") + status.st_size.to_bytes(4, "little"):
                found.append(str(source))
    return found


def facts(environment: Path) -> dict[str, tuple[int, int]]:
    """Mode and mtime (in nanoseconds) of each file, and mode of each directory, but for what a fork drops."""
    found = {}
    for path in _all_below(environment):
        status = path.lstat()
        found[str(path.relative_to(environment))] = (status.st_mode, 0 if path.is_symlink() else status.st_mtime_ns)
    return found


def run(environment: Path, script: str, *arguments: object) -> str:
    """Run a script of an environment; fail unless that succeeds."""
    command = [environment / "bin" / script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prefix(environment: Path) -> Path:
    """Where an environment's interpreter says that it is."""
    told = subprocess.check_output([python_of(environment), "-c", "import sys; print(sys.prefix)"], text=True)
    return Path(told.removesuffix("\n"))


def _all_below(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.suffix != ".pyc" and (path.is_symlink() or path.is_file()):
            yield path


def _content(path: Path) -> bytes:
    return os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()


def _row(path: Path, algorithm: str) -> tuple[str, str]:
    content = path.read_bytes()
    digest = urlsafe_b64encode(hashlib.new(algorithm, content).digest()).decode().rstrip("=")
    return f"{algorithm}={digest}", str(len(content))
