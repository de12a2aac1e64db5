"""Where the bytes of files lie on disk, and which of them other files share.

See Documentation/filesystems/fiemap.rst of Linux and ``<linux/fiemap.h>``.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

from virtualenv_reflink.filesystem.native import native_extents

if sys.platform == "linux":
    from fcntl import ioctl

# struct fiemap is a header and an array of struct fiemap_extent, of which the reserved members are passed over
_FS_IOC_FIEMAP = 0xC020660B
_HEADER = struct.Struct("=QQLLLL")
_EXTENT = struct.Struct("=QQQ16xL12x")
# Python holds its lock during an ioctl with an argument of more than 1,024 bytes, so that threads would not help.
_BATCH = (1024 - _HEADER.size) // _EXTENT.size
_END = 0xFFFFFFFFFFFFFFFF
_SYNC = 0x0001
_LAST = 0x0001
_UNKNOWN, _DELALLOC, _INLINE = 0x0002, 0x0004, 0x0200
_SHARED = 0x2000
_NOWHERE = _UNKNOWN | _DELALLOC | _INLINE
_FILES_A_TASK = 500


class Extent(NamedTuple):
    """One run of a file on disk; offsets and length in bytes."""

    logical: int
    physical: int
    length: int
    flags: int

    @property
    def shared(self) -> bool:
        """Whether another file uses this run too."""
        return bool(self.flags & _SHARED)

    @property
    def located(self) -> bool:
        """Whether ``physical`` is an address (data inside the metadata and data not yet written have none)."""
        return not self.flags & _NOWHERE


Extents = list[Extent]


class DiskBytes(NamedTuple):
    """Bytes of the disk that only one file has, and those that others have too; ``inline`` if some are in metadata."""

    alone: int
    shared: int
    inline: bool


def extents(path: str | os.PathLike[str]) -> list[Extent]:
    """Return the extents of a file, its data written out first; links are not followed.

    :raises OSError: EOPNOTSUPP where the filesystem keeps no such map.
    """
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        return extents_of(fd)
    finally:
        os.close(fd)


def extents_of(fd: int) -> list[Extent]:
    """Return the extents of an open file, its data written out first.

    :raises OSError: EOPNOTSUPP where the filesystem keeps no such map.
    """
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    found = _batch(fd, 0)
    while found and not found[-1].flags & _LAST:
        more = _batch(fd, found[-1].logical + found[-1].length)
        if not more:
            break
        found += more
    return found


def extents_of_all(paths: Iterable[str]) -> list[Extents | None]:
    """Return the extents of many files, None for each that cannot be opened or has no such map.

    The kernel works on several at a time, while more ``paths`` come.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [found for part in pool.map(_extents_of_some, _tasks(paths)) for found in part]


def disk_bytes(of_file: Extents) -> DiskBytes:
    """Return how many bytes of the disk a file has, alone and together with other files."""
    alone = shared = 0
    inline = False
    for _, _, length, flags in of_file:
        if flags & _NOWHERE:
            inline = inline or bool(flags & _INLINE)
        elif flags & _SHARED:
            shared += length
        else:
            alone += length
    return DiskBytes(alone, shared, inline)


def is_same_data(ours: Extents, theirs: Extents) -> bool:
    """Return whether every byte of one file lies on disk where the same byte of another lies."""
    if not all(extent.located for extent in ours):
        return False
    return ours == theirs or (all(extent.located for extent in theirs) and _runs(ours) == _runs(theirs))


def _runs(of_file: Extents) -> list[tuple[int, int, int]]:
    """Return extents without the borders between those that lie in a row, which say nothing of where bytes are."""
    runs: list[tuple[int, int, int]] = []
    for logical, physical, length, _ in of_file:
        if runs and (runs[-1][0] + runs[-1][2], runs[-1][1] + runs[-1][2]) == (logical, physical):
            runs[-1] = (*runs[-1][:2], runs[-1][2] + length)
        else:
            runs.append((logical, physical, length))
    return runs


def _tasks(paths: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(paths)
    while task := list(islice(remaining, _FILES_A_TASK)):
        yield task


def _extents_of_some(paths: list[str]) -> list[Extents | None]:
    native = native_extents()
    if native is not None:
        return [None if rows is None else _read(rows) for rows in native(paths)]
    found: list[Extents | None] = []
    for path in paths:
        try:
            found.append(extents(path))
        except OSError:
            found.append(None)
    return found


def _batch(fd: int, start: int) -> list[Extent]:
    buffer = bytearray(_HEADER.size + _BATCH * _EXTENT.size)
    _HEADER.pack_into(buffer, 0, start, _END - start, _SYNC, 0, _BATCH, 0)
    ioctl(fd, _FS_IOC_FIEMAP, buffer)
    mapped = _HEADER.unpack_from(buffer)[3]
    return _read(memoryview(buffer)[_HEADER.size : _HEADER.size + mapped * _EXTENT.size])


def _read(rows: bytes | memoryview) -> Extents:
    return list(map(Extent._make, _EXTENT.iter_unpack(rows)))
