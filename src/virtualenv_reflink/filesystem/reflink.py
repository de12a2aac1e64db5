"""Clone a file: a new inode that shares the data of another until either is written."""

from __future__ import annotations

import errno
import os
import struct
import sys
from contextlib import suppress

from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.filesystem.source import SOURCE_FLAGS, check_regular, check_size, source_error

# <linux/fs.h>, ioctl_ficlonerange(2): struct file_clone_range is a descriptor, two offsets and between them a length
_FICLONERANGE = 0x4020940D
_RANGE = struct.Struct("=qQQQ")

_CANNOT_CLONE = frozenset(
    {
        errno.EOPNOTSUPP,
        errno.ENOTSUP,  # another number than that one on macOS, see clonefile(2)
        errno.ENOTTY,
        errno.EXDEV,
        errno.EINVAL,
        errno.ENOSYS,
        errno.EPERM,
    }
)


Duplicate = tuple[str, str, int, "int | None", "int | None"]
"""A file to make: its source, its target, its mode (subject to the umask), its mtime in nanoseconds or None for now,
and the size in bytes that the source should have, or None for any."""


class CannotCloneError(OSError):
    """These two places do not share data; a plain copy will do. ``errno`` keeps the kernel's word."""


def clone_file(source: str, target: str, mode: int, mtime_ns: int | None, size: int | None = None) -> None:
    """Create ``target`` as a clone of ``source``.

    Mode and mtime are set because clones keep neither. ``mode`` is subject to the umask, ``mtime_ns`` is in
    nanoseconds, or None for now, ``size`` is the one ``source`` should have, in bytes, or None for any. Nothing is left
    at ``target`` when this fails.

    :raises SourceError: when ``source`` cannot be opened, or is not as long as it should be.
    :raises CannotCloneError: when the kernel or the filesystem refuses to share data between the two.
    :raises FileExistsError: when ``target`` exists.
    :raises OSError: for every other failure, a full disk among them. See ioctl_ficlonerange(2).
    """
    try:
        source_fd = os.open(source, SOURCE_FLAGS)
    except OSError as error:
        raise source_error(error, source) from error
    try:
        target_fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            # the kernel takes a length of 0 for "to the end", and refuses one that ends elsewhere within a block
            if size == 0:
                check_size(source, os.fstat(source_fd).st_size, size)
            else:
                ioctl(target_fd, _FICLONERANGE, _RANGE.pack(source_fd, 0, size or 0, 0))
            if mtime_ns is not None:
                os.utime(target_fd, ns=(mtime_ns, mtime_ns))
        except OSError as error:
            os.unlink(target)
            check_regular(source, source_fd)
            if error.errno == errno.EINVAL:
                check_size(source, os.fstat(source_fd).st_size, size)
            raise _classified(error, target) from error
        finally:
            os.close(target_fd)
    finally:
        os.close(source_fd)


def _clone_file_by_package(source: str, target: str, mode: int, mtime_ns: int | None, size: int | None = None) -> None:
    # The package is a dependency on macOS and Windows only, so other platforms must not import it.
    from reflink_copy import reflink  # type: ignore[import-not-found,unused-ignore]

    try:
        check_size(source, os.stat(source).st_size, size)
    except FileNotFoundError as error:
        raise source_error(error, source) from error
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    try:
        reflink(source, target)
        os.chmod(target, mode & ~current_umask())
        if mtime_ns is not None:
            os.utime(target, ns=(mtime_ns, mtime_ns))
    except OSError as error:
        with suppress(FileNotFoundError):
            os.unlink(target)
        raise _classified(_with_code(error, target), target) from error


def _with_code(error: OSError, target: str) -> OSError:
    """Return an error with the code of the system, which the package tells in words alone: ``... (os error 18)``."""
    if error.errno is not None:
        return error
    code = str(error).rpartition("(os error ")[2].rstrip(")")
    if not code.isdecimal():
        return OSError(errno.EOPNOTSUPP, str(error), target)
    if sys.platform == "win32":
        return OSError(0, str(error), target, int(code))
    return OSError(int(code), os.strerror(int(code)), target)


def _classified(error: OSError, target: str) -> OSError:
    if error.errno in _CANNOT_CLONE:
        return CannotCloneError(error.errno, error.strerror or str(error), target)
    error.filename = error.filename or target
    return error


if sys.platform == "linux":
    from fcntl import ioctl
else:
    clone_file = _clone_file_by_package
