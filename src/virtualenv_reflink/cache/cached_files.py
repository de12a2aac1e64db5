"""The files of the cache as they are looked for from an environment: by their content."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.layout import Layout
from virtualenv_reflink.cache.manifest import DamagedError, read_tree
from virtualenv_reflink.cache.names import LIBRARIES

_UNPACKED = "unpacked"

Content = tuple[str, int]
"""The hash of a file in the form of RECORD, and its size in bytes."""


class CachedFile(NamedTuple):
    """A file of the cache, its size in bytes, and the mtime it was made with, in nanoseconds."""

    path: str
    size: int
    mtime_ns: int | None


def cached_files(caches: Sequence[Path], dist_infos: Set[str]) -> dict[Content, CachedFile]:
    """Return by content the files that caches have of wheels with these dist-info directories; the first one counts.

    Damaged entries are passed over, and nothing is changed.

    :raises CacheError: when others may write to one of them.
    """
    found: dict[Content, CachedFile] = {}
    for wheel in _wheels(caches, dist_infos):
        for file, hash_ in _files(wheel / _UNPACKED):
            if hash_:
                found.setdefault((hash_, file.size), file)
    return found


def cached_bytecode(caches: Sequence[Path], dist_infos: Set[str]) -> list[CachedFile]:
    """Return the bytecode that caches have of wheels with these dist-info directories.

    Damaged entries are passed over, and nothing is changed.

    :raises CacheError: when others may write to one of them.
    """
    return [
        file for wheel in _wheels(caches, dist_infos) for entry in wheel.glob("bytecode-*") for file, _ in _files(entry)
    ]


def _wheels(caches: Sequence[Path], dist_infos: Set[str]) -> Iterator[Path]:
    for root in caches:
        layout = Layout(root)
        directory = layout.path("wheels")
        for wheel in sorted(directory.iterdir()) if layout.is_trusted(str(directory)) else ():
            entry = wheel / _UNPACKED
            if layout.is_trusted(str(entry)) and not dist_infos.isdisjoint(_dist_infos(entry)):
                yield wheel


def _dist_infos(entry: Path) -> Iterator[str]:
    for library in LIBRARIES:
        with suppress(OSError):
            yield from os.listdir(entry / "tree" / library)


def _files(entry: Path) -> Iterator[tuple[CachedFile, str]]:
    """Yield each file of an entry with its hash."""
    with suppress(FileNotFoundError, DamagedError):
        tree = read_tree(entry)
        for scheme in tree.schemes:
            for path, file in tree.files(scheme):
                yield CachedFile(f"{tree.root}/{scheme}/{path}", file.size, tree.mtime_ns), file.hash
