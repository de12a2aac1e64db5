"""Releases of 2021 to 2023: their RECORDs, names, scripts and data are as the tools of that time made them."""

from __future__ import annotations

import os
from pathlib import Path

from tests.differential.beside import Beside

NAMES = Path(__file__).with_name("releases.txt").read_text(encoding="utf-8").split()


def compare(release: str, directory: Path, cache: Path) -> list[str]:
    """Install a release, without what it depends on, into two new environments; return how these differ."""
    beside = Beside(directory, cache, Path.cwd(), os.environ)
    found = beside.install("--quiet", "--no-deps", release)
    beside.remove()
    return found
