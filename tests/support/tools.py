"""Tools that make environments, each with this project in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def tool_environment(directory: Path, *requirements: str) -> Path:
    """Make an environment of ``requirements`` and this project, and return where its scripts are."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    command = [sys.executable, "-m", "virtualenv_reflink", "install", "-q", "--no-compile-bytecode", "-p", directory]
    subprocess.run([*command, *requirements, PROJECT], check=True)
    return directory / "bin"
