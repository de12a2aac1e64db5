"""What is in a cache: its entries, and how many bytes of the disk they take."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from virtualenv_reflink.cache.kinds import Description, EntryKind
from virtualenv_reflink.cache.last_use import was_used_here
from virtualenv_reflink.cache.store import Store


class Entry(NamedTuple):
    """An entry: its kind and its place, which is relative to where the layout begins, and what is told of it.

    ``bytes`` are those on disk, each counted for the first entry that has them. ``last_used`` is in seconds since the
    epoch, to the day; ``used_here`` tells whether that was since the cache was restored from an archive, if it was.
    """

    kind: str
    place: str
    label: str
    projects: frozenset[str]
    needs: frozenset[str]
    bytes: int
    last_used: float
    used_here: bool


def entries_of(store: Store, kinds: Sequence[EntryKind]) -> list[Entry]:
    """Return the entries of a cache, in the order of ``kinds``; what is half deleted is left out.

    :raises CacheError: when others may write to the cache.
    """
    seen: set[tuple[int, int]] = set()
    return [entry for kind in kinds for place in places_of(store, kind) if (entry := _entry(store, kind, place, seen))]


def places_of(store: Store, kind: EntryKind) -> Iterator[str]:
    """Yield the place of each directory that is an entry of a kind, or has been one.

    :raises CacheError: when others may write to the cache.
    """
    root = store.path()
    if store.is_trusted(str(root)):
        for directory in sorted(root.glob(kind.pattern)):
            # files and links are others' there, and left alone
            if directory.is_dir() and not directory.is_symlink() and store.is_trusted(str(directory)):
                yield directory.relative_to(root).as_posix()


def _entry(store: Store, kind: EntryKind, place: str, seen: set[tuple[int, int]]) -> Entry | None:
    directory = store.path(place)
    if not store.holds(directory, kind.description):
        return None
    # what is damaged can be found and taken out too
    description = kind.describe(store, place) or Description(place)
    try:
        status = os.stat(directory)
    except OSError:
        return None
    size = kind.bytes(directory, seen)
    return Entry(kind.name, place, *description, size, status.st_mtime, was_used_here(status))
