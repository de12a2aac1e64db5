"""Copies: every file has its own inode and its own data."""

from __future__ import annotations

from collections.abc import Callable

from virtualenv_reflink.filesystem.copying import copy_file
from virtualenv_reflink.filesystem.native import COPY
from virtualenv_reflink.filesystem.permissions import let_all_execute
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.placing.mode import FileMode


class Copy(FileMode):
    """``copy``."""

    name = "copy"
    how = "the best plain copy"
    where = "everywhere"
    isolates = True
    shares_inodes = False
    native = COPY

    def why_not(self, source_file: str, target_directory: str) -> str | None:  # noqa: ARG002
        """Return None: files can be copied everywhere."""
        return None

    def place(self, file: Duplicate, let_through: Callable[[], None]) -> None:
        """Copy a file."""
        copy_file(*file, let_through)
        let_all_execute(file[1], file[2], self._umask)
