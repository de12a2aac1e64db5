"""What must hold of an environment, whatever Python it is for and however its packages came into it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.conftest import python_of
from tests.support.comparison import site_packages
from virtualenv_reflink.environment.installed import LAYER_STATE

MODES = ("clone", "snapshot", "layer", "hardlink", "copy")
_SAFE_PATH_SINCE = (3, 11)


def faults(environment: Path, modules: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with an environment that holds pip and distributions with these names and modules."""
    python = python_of(environment)
    before = _bytecode(environment)
    imports = f"import {', '.join(modules)}"
    for options in ([], ["-I"], *([["-P"]] if _version(python) >= _SAFE_PATH_SINCE else [])):
        yield from _told(python, *options, "-c", imports)
    yield from _told(python, "-W", "error", "-X", "dev", "-c", "")
    yield from _compiled_anew(python, imports)
    listed = _run(python, "-m", "pip", "list", "--format=freeze").stdout
    found = {line.partition("==")[0] for line in listed.splitlines()}
    yield from (f"pip list: no {name}" for name in ("pip", *modules) if name not in found)
    check = _run(python, "-m", "pip", "check")
    if check.returncode:
        yield f"pip check: {check.stdout.strip()}"
    if _bytecode(environment) != before:
        yield "bytecode was written"


def _told(python: Path, *words: str) -> Iterator[str]:
    done = _run(python, *words)
    if done.returncode or done.stdout or done.stderr:
        yield f"{' '.join(words)}: {(done.stdout + done.stderr).strip() or done.returncode}"


def _compiled_anew(python: Path, imports: str) -> Iterator[str]:
    """Yield the sources of packages that are compiled when they are imported; PyPy does not tell."""
    marked = "# code object from "
    lines = _run(python, "-v", "-c", imports).stderr.splitlines()
    paths = [line.removeprefix(marked).strip("'\"") for line in lines if line.startswith(marked)]
    of_packages = [path for path in paths if "/site-packages/" in path or "/layers/" in path]
    yield from (f"compiled anew: {path}" for path in of_packages if path.endswith(".py"))


def _bytecode(environment: Path) -> dict[str, int]:
    """Return when each bytecode file of an environment, and of its layer, was written."""
    library = site_packages(environment)
    state = library / LAYER_STATE
    places = [library, Path(json.loads(state.read_text())["layer"])] if state.exists() else [library]
    return {str(path): path.stat().st_mtime_ns for place in places for path in place.rglob("*.pyc")}


def _version(python: Path) -> tuple[int, ...]:
    said = subprocess.check_output([python, "-c", "import sys; print(*sys.version_info[:2])"], text=True)
    return tuple(map(int, said.split()))


def _run(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, *words], capture_output=True, text=True, errors="replace", check=False)
