"""Environments with this project in them, to run it beside other tools and on other Pythons."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.processes import CommandError, run

PROJECT = Path(__file__).parents[1]


def python_on_path(version: str) -> str:
    """Return the interpreter of a version.

    :raises CommandError: when there is none on the PATH.
    """
    found = shutil.which(f"python{version}")
    if found is None:
        raise CommandError(f"there is no python{version} on the PATH")
    return found


def make_toolbox(directory: Path, environ: Mapping[str, str], *requirements: str, python: str = sys.executable) -> Path:
    """Make an environment of ``requirements`` and this project, and return where its scripts are.

    :raises CommandError: when it cannot be made; it says why.
    """
    words = [word for requirement in (*requirements, str(PROJECT)) for word in ("--with", requirement)]
    ours = [sys.executable, "-m", "virtualenv_reflink", "venv", "-q", "--without-pip", "--no-compile-bytecode"]
    run([*ours, "-p", python, *words, directory], environ)
    return directory / "bin"
