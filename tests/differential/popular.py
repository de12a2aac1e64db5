"""The most used packages of the index, each with all that it depends on."""

from __future__ import annotations

import os
from pathlib import Path

from tests.differential.beside import Beside

NAMES = Path(__file__).with_name("popular.txt").read_text(encoding="utf-8").split()


def compare(requirement: str, directory: Path, cache: Path) -> list[str]:
    """Install a requirement into two new environments in ``directory``; return how these differ."""
    return compare_in(Beside(directory, cache, Path.cwd(), os.environ), requirement)


def compare_in(beside: Beside, *words: str) -> list[str]:
    """Install what ``words`` say into both environments, ask pip about them, and delete them; return what differs."""
    found = beside.install("--quiet", *words)
    for question in ("check", "freeze"):
        found += [each for each in beside.pip(question) if each not in found]
    beside.remove()
    return found
