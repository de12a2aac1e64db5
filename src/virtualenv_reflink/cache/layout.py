"""Where things are in a cache, and that nobody else can have put them there."""

from __future__ import annotations

import os
from pathlib import Path

from virtualenv_reflink.cache.trust import ELSEWHERE, check_inside, check_root

VERSION = "v5"
"""The directory of this layout, so that a later one never reads an older one."""


class Layout:
    """A cache as its readers see it; nothing is written to it here."""

    def __init__(self, root: Path, advice: str = ELSEWHERE) -> None:
        """Take the directory of a cache, which need not exist, and what to do about one that cannot be trusted.

        :raises CacheError: when another user owns it or others may write to it.
        """
        self.root = root
        self._root = str(root)
        self._advice = advice
        self._trusted: dict[str, os.stat_result] = {}
        self.exists = check_root(root, advice) and self.is_trusted(str(self.path()))
        """Whether there was a cache of this layout."""

    def path(self, *parts: str) -> Path:
        """Return the place of an entry or a note in the current layout."""
        return self.root.joinpath(VERSION, *parts)

    def holds(self, entry: Path, description: str) -> bool:
        """Return whether ``entry`` is there, with the file that describes it.

        :raises CacheError: when others may write to it or to a directory above it.
        """
        return self.is_trusted(str(entry)) and (entry / description).is_file()

    def is_trusted(self, directory: str) -> bool:
        """Return whether a directory of the cache is there, with no other user who may write to it or to one above it.

        Each is looked at once.

        :raises CacheError: when others may write to one of them.
        """
        if directory not in self._trusted:
            above = os.path.dirname(directory)
            if above != self._root and not self.is_trusted(above):
                return False
            status = check_inside(self.root, directory, self._advice)
            if status is None:
                return False
            self._trusted[directory] = status
        return True
