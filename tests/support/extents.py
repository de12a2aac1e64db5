"""Which bytes of two files are the same bytes of the disk."""

from __future__ import annotations

import os
import struct
from fcntl import ioctl
from typing import NamedTuple

# <linux/fiemap.h>: struct fiemap is a header and an array of struct fiemap_extent
_FS_IOC_FIEMAP = 0xC020660B
_HEADER = struct.Struct("=QQLLLL")
_EXTENT = struct.Struct("=QQQQQLLLL")
_BATCH = 256
_SYNC = 0x0001
_LAST = 0x0001
_UNKNOWN, _DELALLOC, _INLINE = 0x0002, 0x0004, 0x0200
_SHARED = 0x2000


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
        return not self.flags & (_UNKNOWN | _DELALLOC | _INLINE)


def extents(path: str | os.PathLike[str]) -> list[Extent]:
    """Return the extents of a file, its data written out first. See Documentation/filesystems/fiemap.rst.

    :raises OSError: EOPNOTSUPP where the filesystem keeps no such map.
    """
    found: list[Extent] = []
    fd = os.open(path, os.O_RDONLY)
    try:
        while batch := _batch(fd, found[-1].logical + found[-1].length if found else 0):
            found += batch
            if batch[-1].flags & _LAST:
                break
    finally:
        os.close(fd)
    return found


def _batch(fd: int, start: int) -> list[Extent]:
    buffer = bytearray(_HEADER.size + _BATCH * _EXTENT.size)
    _HEADER.pack_into(buffer, 0, start, 0xFFFFFFFFFFFFFFFF - start, _SYNC, 0, _BATCH, 0)
    ioctl(fd, _FS_IOC_FIEMAP, buffer)
    mapped = _HEADER.unpack_from(buffer)[3]
    rows = (_EXTENT.unpack_from(buffer, _HEADER.size + index * _EXTENT.size) for index in range(mapped))
    return [Extent(logical=row[0], physical=row[1], length=row[2], flags=row[5]) for row in rows]


def shares_all_extents(path: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether every byte of ``path`` lies on disk where the same byte of ``other`` lies."""
    ours, theirs = extents(path), extents(other)
    places = [(extent.logical, extent.physical, extent.length) for extent in ours]
    return all(extent.located and extent.shared for extent in ours) and places == [
        (extent.logical, extent.physical, extent.length) for extent in theirs
    ]
