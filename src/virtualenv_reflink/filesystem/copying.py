"""The best plain copy, and the hard link."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

_CHUNK = 1 << 30
_BUFFER = 1 << 20
_UNSUPPORTED = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF})


def copy_file(source: str, target: str, mode: int, mtime_ns: int | None) -> None:
    """Create ``target`` with the data of ``source``, by the cheapest means the kernel has.

    In turn: copy_file_range(2), sendfile(2), read and write. ``mode`` is subject to the umask, ``mtime_ns`` is in
    nanoseconds, or None for now. Nothing is left at ``target`` when this fails.

    :raises FileExistsError: when ``target`` exists.
    :raises OSError: for every other failure, a full disk among them.
    """
    source_fd = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        target_fd = os.open(target, flags, mode)
        try:
            try:
                copy_data(source_fd, target_fd)
            finally:
                os.close(target_fd)
            if mtime_ns is not None:
                os.utime(target, ns=(mtime_ns, mtime_ns))
        except BaseException:
            os.unlink(target)
            raise
    finally:
        os.close(source_fd)


def copy_data(source_fd: int, target_fd: int) -> None:
    """Copy everything from the start of one descriptor to the start of another.

    :raises OSError: when reading or writing fails.
    """
    for copy in _means():
        try:
            copy(source_fd, target_fd)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            os.lseek(source_fd, 0, os.SEEK_SET)
            os.lseek(target_fd, 0, os.SEEK_SET)
        else:
            return
    _read_and_write(source_fd, target_fd)


def _means() -> list[Callable[[int, int], None]]:
    means: list[Callable[[int, int], None]] = []
    if hasattr(os, "copy_file_range"):
        means.append(_copy_file_range)
    if hasattr(os, "sendfile"):
        means.append(_sendfile)
    return means


def _copy_file_range(source_fd: int, target_fd: int) -> None:
    while os.copy_file_range(source_fd, target_fd, _CHUNK):
        pass


def _sendfile(source_fd: int, target_fd: int) -> None:
    offset = 0
    while sent := os.sendfile(target_fd, source_fd, offset, _CHUNK):
        offset += sent


def _read_and_write(source_fd: int, target_fd: int) -> None:
    while data := os.read(source_fd, _BUFFER):
        view = memoryview(data)
        while view:
            view = view[os.write(target_fd, view) :]
