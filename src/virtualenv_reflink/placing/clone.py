"""Clones: every file has its own inode, and shares the data of the cached file until one of them is written."""

from __future__ import annotations

from collections.abc import Callable

from virtualenv_reflink.filesystem.copying import clone_or_copy_file
from virtualenv_reflink.filesystem.native import CLONE
from virtualenv_reflink.filesystem.permissions import let_all_execute
from virtualenv_reflink.filesystem.probe import why_not_clone
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.placing.mode import FileMode


class Clone(FileMode):
    """``clone``."""

    name = "clone"
    how = "a copy-on-write clone of each file"
    where = "btrfs, XFS, bcachefs, ZFS 2.2, APFS, ReFS, with the cache on the same filesystem"
    isolates = True
    shares_inodes = False
    native = CLONE

    def why_not(self, source_file: str, target_directory: str) -> str | None:
        """Return why files cannot be cloned, or None."""
        return why_not_clone(source_file, target_directory)

    def place(self, file: Duplicate, let_through: Callable[[], None]) -> OSError | None:
        """Clone a file; copy it if it refuses."""
        refusal = clone_or_copy_file(file, let_through)
        let_all_execute(file[1], file[2], self._umask)
        return refusal
