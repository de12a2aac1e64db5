"""Install the most used packages of the index both ways and compare: ``python -m tests.differential [NAME...]``.

Each requirement goes with all it depends on into two new environments, one by pip, one by ``virtualenv-reflink
install``. Compared are files, contents, modes, metadata, RECORD, direct_url.json, and what ``pip check`` and ``pip
freeze`` say. Without names, those of ``popular.txt`` beside this file are taken.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.comparison import differences

POPULAR = Path(__file__).with_name("popular.txt")


def main() -> None:
    """Print a line for each requirement, and what differs; exit with 1 if anything does."""
    names = sys.argv[1:] or POPULAR.read_text(encoding="utf-8").split()
    unlike = 0
    with tempfile.TemporaryDirectory() as directory:
        for number, name in enumerate(names):
            found = compare([name], Path(directory, str(number)), Path(directory, "cache"))
            unlike += bool(found)
            print(f"{name}: {'; '.join(found[:20]) or 'equal'}", flush=True)
    print(f"{len(names) - unlike} of {len(names)} equal")
    sys.exit(1 if unlike else 0)


def compare(requirements: list[str], directory: Path, cache: Path) -> list[str]:
    """Install ``requirements`` into two new environments in ``directory``; return how these differ."""
    ours, theirs = directory / "ours" / "env", directory / "pips" / "env"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    for environment in (ours, theirs):
        _run(environ, sys.executable, "-m", "venv", "--without-pip", environment)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python"]
    reflink = [sys.executable, "-m", "virtualenv_reflink", "install", "--quiet", "--wheel-cache", cache, "--python"]
    _run(environ, *pip, theirs, "install", "--quiet", *requirements)
    _run(environ, *reflink, ours, *requirements)
    found = differences(ours, theirs)
    for question in ("check", "freeze"):
        answers = [_run(environ, *pip, environment, question, codes=(0, 1)) for environment in (ours, theirs)]
        found += [] if answers[0] == answers[1] else [f"pip {question}: {answers[0]!r} and {answers[1]!r}"]
    for environment in (ours, theirs):
        subprocess.run(["rm", "-rf", environment], check=True)
    return found


def _run(environ: dict[str, str], *command: object, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run([*map(str, command)], env=environ, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
