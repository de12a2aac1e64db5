"""What the distributions of an environment list in their RECORDs (Recording installed projects specification)."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.cache.cached_files import Content
from virtualenv_reflink.environment.installed import Installed, installed_in
from virtualenv_reflink.sharing.environments import Place


def distributions_of(place: Place) -> list[Installed]:
    """Return what is installed in an environment."""
    return [found for library in place.libraries for found in installed_in(library)]


def listed_in(distribution: Installed) -> Iterator[tuple[str, Content | None]]:
    """Yield the path of each file that a distribution lists, and its content, or None where RECORD has no hash of it.

    A RECORD that is not there or cannot be read lists nothing.
    """
    library = os.path.dirname(distribution.path)
    for row in _rows(distribution.path / "RECORD"):
        if row:
            path = f"{library}/{row[0]}"
            yield os.path.normpath(path) if ".." in path else path, _content(row)


def _rows(record: Path) -> list[list[str]]:
    with (
        suppress(OSError, csv.Error),
        open(record, encoding="utf-8", errors="surrogateescape", newline="") as stream,
    ):
        return list(csv.reader(stream))
    return []


def _content(row: list[str]) -> Content | None:
    if len(row) < 3 or not row[1]:
        return None
    try:
        return row[1], int(row[2])
    except ValueError:
        return None
