"""Let files that hold the same bytes share them on disk: the kernel compares, so no content can change.

See ioctl_fideduperange(2).
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Sequence

if sys.platform == "linux":
    from fcntl import ioctl

# <linux/fs.h>: struct file_dedupe_range is a header and an array of struct file_dedupe_range_info
_FIDEDUPERANGE = 0xC0189436
_HEADER = struct.Struct("=QQHHL")
_INFO = struct.Struct("=qQQlL")
# Python holds its lock during an ioctl with an argument of more than 1,024 bytes, so that threads would not help.
_TARGETS = (1024 - _HEADER.size) // _INFO.size
# what btrfs takes at a time
_CHUNK = 16 << 20
_DIFFERS = 1
_UNSUPPORTED = frozenset({errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS})

DIFFERS = -1
"""What :func:`share_data` returns for a target that does not hold the same bytes."""


def share_data(source_fd: int, size: int, target_fds: Sequence[int]) -> list[int]:
    """Have the kernel compare files of ``size`` bytes with a source, and let them use its data where they are equal.

    Of each target the result is 0 when it shares all of its data now, :data:`DIFFERS`, or else a code of errno that
    tells why not. A target needs to be open for reading only, if it belongs to this user.

    :raises OSError: when the source cannot share its data.
    """
    results: list[int] = []
    for start in range(0, len(target_fds), _TARGETS):
        results += _share(source_fd, size, target_fds[start : start + _TARGETS])
    return results


def can_share_data(path: str) -> bool:
    """Return whether the filesystem that holds a file can have files share their data.

    :raises OSError: when it cannot be opened.
    """
    if sys.platform != "linux":
        return False
    fd = os.open(path, os.O_RDONLY)
    try:
        # of a file with itself, which every filesystem refuses that looks into it at all
        (result,) = _share(fd, 1, [fd])
    except OSError as error:
        return error.errno not in _UNSUPPORTED
    finally:
        os.close(fd)
    return result not in _UNSUPPORTED


def _share(source_fd: int, size: int, target_fds: Sequence[int]) -> list[int]:
    results = dict.fromkeys(target_fds, 0)
    for offset in range(0, size, _CHUNK):
        remaining = [fd for fd, result in results.items() if result == 0]
        if remaining:
            results.update(_share_chunk(source_fd, offset, min(_CHUNK, size - offset), remaining))
    return list(results.values())


def _share_chunk(source_fd: int, offset: int, length: int, target_fds: Sequence[int]) -> dict[int, int]:
    infos = b"".join([_INFO.pack(fd, offset, 0, 0, 0) for fd in target_fds])
    buffer = bytearray(_HEADER.pack(offset, length, len(target_fds), 0, 0) + infos)
    ioctl(source_fd, _FIDEDUPERANGE, buffer)
    answers = _INFO.iter_unpack(memoryview(buffer)[_HEADER.size :])
    return {fd: _result(shared, length, status) for fd, _, shared, status, _ in answers}


def _result(shared: int, length: int, status: int) -> int:
    """Return what :func:`share_data` does; a file that has become shorter meanwhile is shared in part."""
    if status == _DIFFERS:
        return DIFFERS
    return -status if status < 0 or shared >= length else errno.EAGAIN
