"""The files of the cache as they are looked for from an environment: by their content."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import DamagedError, read_tree
from virtualenv_reflink.cache.store import Store

_UNPACKED = "unpacked"
_LIBRARIES = ("purelib", "platlib")

Content = tuple[str, int]
"""The hash of a file in the form of RECORD, and its size in bytes."""


class CachedFile(NamedTuple):
    """A file of the cache, its size in bytes, and the mtime it was made with, in nanoseconds."""

    path: str
    size: int
    mtime_ns: int | None


class CachedFiles(NamedTuple):
    """Files of wheels by their content, and bytecode by its path in site-packages and its size in bytes."""

    by_content: dict[Content, CachedFile]
    bytecode: dict[tuple[str, int], CachedFile]


def cached_files(root: Path, dist_infos: Set[str]) -> CachedFiles:
    """Return the files that the cache at ``root`` has of wheels with these names of dist-info directories.

    Damaged entries are passed over, and nothing is changed.

    :raises CacheError: when others may write to the cache.
    """
    store = Store(root)
    found = CachedFiles({}, {})
    for wheel in _wheels(store):
        entry = wheel / _UNPACKED
        if store.is_trusted(str(entry)) and not dist_infos.isdisjoint(_dist_infos(entry)):
            _add_files(found, entry)
            for bytecode in wheel.glob("bytecode-*"):
                _add_bytecode(found, bytecode)
    return found


def _wheels(store: Store) -> list[Path]:
    directory = store.path("wheels")
    return sorted(directory.iterdir()) if store.is_trusted(str(directory)) else []


def _dist_infos(entry: Path) -> Iterator[str]:
    for library in _LIBRARIES:
        with suppress(OSError):
            yield from os.listdir(entry / "tree" / library)


def _add_files(found: CachedFiles, entry: Path) -> None:
    for _, cached, hash_ in _files(entry):
        if hash_:
            found.by_content.setdefault((hash_, cached.size), cached)


def _add_bytecode(found: CachedFiles, entry: Path) -> None:
    for path, cached, _ in _files(entry):
        found.bytecode.setdefault((path, cached.size), cached)


def _files(entry: Path) -> Iterator[tuple[str, CachedFile, str]]:
    """Yield each file of an entry with its path in its scheme and its hash."""
    with suppress(FileNotFoundError, DamagedError):
        tree = read_tree(entry)
        for scheme in tree.schemes:
            for path, file in tree.files(scheme):
                yield path, CachedFile(f"{tree.root}/{scheme}/{path}", file.size, tree.mtime_ns), file.hash
