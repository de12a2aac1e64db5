"""Entries of the store as they are read: one that is damaged is dropped, and counts as absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from virtualenv_reflink.cache.errors import explained
from virtualenv_reflink.cache.manifest import MANIFEST_NAME, DamagedError, Tree
from virtualenv_reflink.cache.store import Store

_Value = TypeVar("_Value")

LINKED = "linked"
"""The kind of the notes about hard links, which are named after trees."""
MAPPED = "mapped"
"""The kind of the notes about hard links to the shared objects of trees, which are named likewise."""
LINK_MARK = "="
"""What divides the name of a tree in the names of these notes from what is noted."""


def read_entry(store: Store, entry: Path, read: Callable[[Path], _Value], doomed: Path) -> _Value | None:
    """Return what ``read`` makes of ``entry``, or None, having dropped ``doomed`` where it is damaged.

    :raises CacheError: when others may write to it, or it is to be dropped and the cache cannot be written.
    """
    if not store.is_trusted(str(entry)):
        return None
    try:
        return read(entry)
    except FileNotFoundError:
        return None
    except DamagedError:
        store.drop(doomed, lambda: _is_damaged(entry, read))
        return None


def read_built(store: Store, entry: Path, fill: Callable[[Path], None], read: Callable[[Path], _Value]) -> _Value:
    """Have ``fill`` make ``entry``, whose manifest ``read`` makes sense of, and return that.

    :raises CacheLostError: when somebody takes it away at once.
    :raises CacheError: when the cache cannot be written.
    """
    store.build(entry, MANIFEST_NAME, fill)
    with explained(store.root):
        return read(entry)


def tree_name(tree: Tree) -> str:
    """Return a name for a tree: that of its wheel and its own."""
    wheel, entry = os.path.split(os.path.dirname(tree.root))
    return f"{os.path.basename(wheel)}-{entry}"


def _is_damaged(entry: Path, read: Callable[[Path], object]) -> bool:
    """Return whether an entry still is damaged: another process may have made it again."""
    try:
        read(entry)
    except FileNotFoundError:
        return False
    except DamagedError:
        return True
    return False
