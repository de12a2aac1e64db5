"""Caches that are only read: baked into an image, on a network filesystem, or of root.

Nothing is ever written to them, neither locks nor notes. Their owner may change them at any time: what vanishes from
one while it is used is fetched as if it had never been there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from virtualenv_reflink.cache.layout import VERSION, Layout
from virtualenv_reflink.cache.manifest import DamagedError, Tree, UnpackedWheel, read_tree, read_unpacked_wheel
from virtualenv_reflink.cache.small_files import read_small
from virtualenv_reflink.cache.trust import check_inside
from virtualenv_reflink.errors import CacheError

_Value = TypeVar("_Value")
_ABSENT = (FileNotFoundError, DamagedError)
_ADVICE = "leave it out of --base-cache"


class BaseCaches:
    """Some caches, the first of which that has a wheel counts."""

    def __init__(self, roots: Sequence[Path]) -> None:
        """Open caches that belong to root or to this user, and that nobody else may write to.

        :raises CacheError: when one of them does not, or is no cache of this layout.
        """
        self._layouts = [_opened(root) for root in roots]
        self._within = tuple(f"{layout.root}{os.sep}" for layout in self._layouts)
        self._passed_over: set[str] = set()

    def hold(self, tree: Tree) -> bool:
        """Return whether a tree lies in one of them."""
        return tree.root.startswith(self._within)

    def wheel(self, key: str) -> UnpackedWheel | None:
        """Return the unpacked wheel whose archive has this SHA-256, or None.

        :raises CacheError: when others may write to it.
        """
        return next(self._wheels(key), None)

    def bytecode(self, unpacked: UnpackedWheel, bytecode_tag: str) -> Tree | None:
        """Return the bytecode for an interpreter that is of the very sources of ``unpacked``, or None.

        :raises CacheError: when others may write to it.
        """
        if self.hold(unpacked.tree):
            return self._beside(unpacked, bytecode_tag)
        same = (each for each in self._wheels(unpacked.key) if each.tree.mtime_ns == unpacked.tree.mtime_ns)
        return next(filter(None, (self._beside(each, bytecode_tag) for each in same)), None)

    def pass_over(self, unpacked: UnpackedWheel) -> None:
        """Hand out a wheel that turned out to be damaged no more."""
        self._passed_over.add(unpacked.tree.root)

    def read_note(self, kind: str, key: str, parse: Callable[[str], _Value]) -> _Value | None:
        """Return what ``parse`` makes of what one of them has under ``kind`` and ``key``; None if that is nothing.

        :raises CacheError: when others may write to it.
        """
        for layout in self._layouts:
            if layout.is_trusted(str(layout.path(kind))):
                found = read_small(layout.path(kind, key), parse)
                if found is not None:
                    return found
        return None

    def _wheels(self, key: str) -> Iterator[UnpackedWheel]:
        for layout in self._layouts:
            entry = layout.path("wheels", key, "unpacked")
            if layout.is_trusted(str(entry)):
                with suppress(*_ABSENT):
                    found = read_unpacked_wheel(entry)
                    if found.tree.root not in self._passed_over:
                        yield found

    def _beside(self, unpacked: UnpackedWheel, bytecode_tag: str) -> Tree | None:
        entry = Path(unpacked.tree.root).parents[1] / f"bytecode-{bytecode_tag}"
        layout = next(each for each in self._layouts if entry.is_relative_to(each.root))
        if layout.is_trusted(str(entry)):
            with suppress(*_ABSENT):
                return read_tree(entry)
        return None


def _opened(root: Path) -> Layout:
    real = Path(os.path.realpath(root))
    layout = Layout(real, _ADVICE)
    # of a cache that is one's own, the root itself may be open to a group
    if check_inside(real, str(real), _ADVICE) is None:
        raise CacheError(f"there is no base cache {root}; fill one there, or {_ADVICE}")
    if not layout.exists:
        raise CacheError(
            f"the base cache {root} has nothing for this version of virtualenv-reflink (there is no {VERSION} in it); "
            f"fill it again, or {_ADVICE}"
        )
    return layout
