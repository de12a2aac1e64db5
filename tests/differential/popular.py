"""The most used packages of the index, each with all that it depends on."""

from __future__ import annotations

import os
from pathlib import Path

from tests.differential.beside import Beside

NAMES = Path(__file__).with_name("popular.txt").read_text(encoding="utf-8").split()


def compare(requirement: str, directory: Path, cache: Path) -> list[str]:
    """Install a requirement into two new environments, and ask pip about them; return how these differ."""
    beside = Beside(directory, cache, Path.cwd(), os.environ)
    found = beside.install("--quiet", requirement)
    for question in ("check", "freeze"):
        found += [each for each in beside.pip(question) if each not in found]
    beside.remove()
    return found
