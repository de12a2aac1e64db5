"""The best plain copy, by itself and where a clone is refused; and the hard link."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from virtualenv_reflink.filesystem.interrupts import no_interrupts
from virtualenv_reflink.filesystem.reflink import CannotCloneError, Duplicate, clone_file
from virtualenv_reflink.filesystem.source import SOURCE_FLAGS, check_regular, check_size, source_error

# an interrupt waits for no more than this
_CHUNK = 1 << 24
_BUFFER = 1 << 20
_Means = Callable[[int, int, Callable[[], None]], int]
# macOS has a sendfile(2) for sockets alone
_UNSUPPORTED = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ENOTSOCK}
)


def clone_or_copy_file(file: Duplicate, let_through: Callable[[], None] = no_interrupts) -> CannotCloneError | None:
    """Clone a file, or copy it if it refuses; return why it did.

    :raises OSError: as :func:`clone_file` and :func:`copy_file`.
    """
    try:
        clone_file(*file)
    except CannotCloneError as error:
        copy_file(*file, let_through)
        return error
    return None


def copy_file(
    source: str,
    target: str,
    mode: int,
    mtime_ns: int | None,
    size: int | None = None,
    let_through: Callable[[], None] = no_interrupts,
) -> None:
    """Create ``target`` with the data of ``source``, by the cheapest means the kernel has.

    In turn: copy_file_range(2), sendfile(2), read and write. ``mode`` is subject to the umask, ``mtime_ns`` is in
    nanoseconds, or None for now, ``size`` is the one ``source`` should have, in bytes, or None for any. While a large
    file is copied, ``let_through`` is called, which may raise for an interrupt that was put off. Nothing is left at
    ``target`` when this fails.

    :raises SourceError: when ``source`` cannot be opened, or is not as long as it should be.
    :raises FileExistsError: when ``target`` exists.
    :raises OSError: for every other failure, a full disk among them.
    """
    try:
        source_fd = os.open(source, SOURCE_FLAGS)
    except OSError as error:
        raise source_error(error, source) from error
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        target_fd = os.open(target, flags, mode)
        try:
            try:
                check_size(source, _copy_data(source_fd, target_fd, let_through), size)
            finally:
                os.close(target_fd)
            if mtime_ns is not None:
                os.utime(target, ns=(mtime_ns, mtime_ns))
        except BaseException as error:
            os.unlink(target)
            check_regular(source, source_fd)
            if isinstance(error, OSError):
                error.filename = error.filename or target
            raise
    finally:
        os.close(source_fd)


def _copy_data(source_fd: int, target_fd: int, let_through: Callable[[], None]) -> int:
    """Copy everything from the start of one descriptor to the start of another; return how many bytes that were."""
    for copy in _means():
        try:
            return copy(source_fd, target_fd, let_through)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            os.lseek(source_fd, 0, os.SEEK_SET)
            os.lseek(target_fd, 0, os.SEEK_SET)
    return _read_and_write(source_fd, target_fd, let_through)


def _means() -> list[_Means]:
    means: list[_Means] = []
    if hasattr(os, "copy_file_range"):
        means.append(_copy_file_range)
    if hasattr(os, "sendfile"):
        means.append(_sendfile)
    return means


def _copy_file_range(source_fd: int, target_fd: int, let_through: Callable[[], None]) -> int:
    copied = 0
    while count := os.copy_file_range(source_fd, target_fd, _CHUNK):
        copied += count
        let_through()
    return copied


def _sendfile(source_fd: int, target_fd: int, let_through: Callable[[], None]) -> int:
    copied = 0
    while count := os.sendfile(target_fd, source_fd, copied, _CHUNK):
        copied += count
        let_through()
    return copied


def _read_and_write(source_fd: int, target_fd: int, let_through: Callable[[], None]) -> int:
    copied = 0
    while data := os.read(source_fd, _BUFFER):
        view = memoryview(data)
        while view:
            view = view[os.write(target_fd, view) :]
        copied += len(data)
        let_through()
    return copied
