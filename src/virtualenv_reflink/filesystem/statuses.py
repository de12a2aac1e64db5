"""What lstat(2) tells of many files at once: the native core looks at them with several threads."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import accumulate, pairwise

from virtualenv_reflink.filesystem.native import native_statuses

# _native.c has the same columns
_ROW = struct.Struct("=qqqqqq")
_COLUMNS = 6
_INODE, _SIZE, _MTIME, _MODE, _CTIME, _LINKS = range(_COLUMNS)
_INODES = 1 << 64


class Statuses:
    """The statuses of files, in the order in which these were named."""

    def __init__(self, rows: bytes | memoryview) -> None:
        """Take a row for each file: inode, size in bytes, mtime in ns, mode, ctime in ns, number of hard links."""
        self._rows = memoryview(rows)
        self._numbers = self._rows.cast("q")

    @property
    def inodes(self) -> list[int]:
        """The numbers of the inodes, as signed numbers of 64 bits."""
        return self._column(_INODE)

    @property
    def sizes(self) -> list[int]:
        """The sizes in bytes."""
        return self._column(_SIZE)

    @property
    def mtimes_ns(self) -> list[int]:
        """The mtimes in nanoseconds."""
        return self._column(_MTIME)

    @property
    def modes(self) -> list[int]:
        """The modes, with the kind of file."""
        return self._column(_MODE)

    @property
    def ctimes_ns(self) -> list[int]:
        """The ctimes in nanoseconds."""
        return self._column(_CTIME)

    @property
    def links(self) -> list[int]:
        """How many hard links each file has."""
        return self._column(_LINKS)

    def of(self, start: int, end: int) -> Statuses:
        """Return the statuses from one number of a file to another."""
        return Statuses(self._rows[start * _ROW.size : end * _ROW.size])

    def all_bytes(self) -> memoryview:
        """Return all of it, to be compared with what it was."""
        return self._rows

    def lasting_bytes(self) -> bytes:
        """Return what a hard link that is made or removed leaves as it is, likewise."""
        return b"".join(self._numbers[column::_COLUMNS].tobytes() for column in (_INODE, _SIZE, _MTIME, _MODE))

    def _column(self, column: int) -> list[int]:
        return self._numbers[column::_COLUMNS].tolist()


def statuses_of(root: str, paths: list[str]) -> Statuses:
    """Return the statuses of files by their paths in a directory, or absolute ones; symbolic links are not followed.

    :raises OSError: for the first one that cannot be looked at, by its path there.
    """
    look = native_statuses()
    return Statuses(look(root, paths) if look else b"".join(_row(root, path) for path in paths))


def statuses_of_groups(root: str, groups: list[list[str]]) -> Iterator[Statuses]:
    """Return the statuses of each group of files by their paths in a directory; all are looked at, at once.

    :raises OSError: as :func:`statuses_of` does.
    """
    statuses = statuses_of(root, [path for group in groups for path in group])
    return (statuses.of(start, end) for start, end in pairwise(accumulate(map(len, groups), initial=0)))


def _row(root: str, path: str) -> bytes:
    try:
        status = os.lstat(os.path.join(root, path))
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    # ReFS has numbers of 128 bits, and the native core signed ones of 64
    inode = status.st_ino % _INODES
    inode -= _INODES if inode >= _INODES // 2 else 0
    return _ROW.pack(inode, status.st_size, status.st_mtime_ns, status.st_mode, status.st_ctime_ns, status.st_nlink)
