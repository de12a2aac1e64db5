"""Clone a file: a new inode that shares the data of another until either is written."""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import repeat

from virtualenv_reflink.filesystem.source import check_size, source_error
from virtualenv_reflink.filesystem.umask import current_umask

# <linux/fs.h>, ioctl_ficlonerange(2): struct file_clone_range is a descriptor, two offsets and between them a length
_FICLONERANGE = 0x4020940D
_RANGE = struct.Struct("=qQQQ")

_CANNOT_CLONE = frozenset(
    {
        errno.EOPNOTSUPP,
        errno.ENOTTY,
        errno.EXDEV,
        errno.EINVAL,
        errno.ENOSYS,
        errno.EPERM,
    }
)


class CannotCloneError(OSError):
    """These two places do not share data; a plain copy will do. ``errno`` keeps the kernel's word."""


Duplicate = tuple[str, str, int, "int | None"]
"""A file to make: its source, its target, its mode (subject to the umask), its mtime in nanoseconds or None for now."""


def clone_file(source: str, target: str, mode: int, mtime_ns: int | None) -> None:
    """Create ``target`` as a clone of ``source``: :func:`clone_files` for a single one.

    :raises OSError: as :func:`clone_files`.
    """
    clone_files([(source, target, mode, mtime_ns)], [])


def clone_files(files: Iterable[Duplicate], done: list[str], sizes: Sequence[int] | None = None) -> None:
    """Create each target as a clone of its source, and append it to ``done`` when it is there.

    Mode and mtime are set because clones keep neither. Nothing is left of the one that fails. ``sizes`` are those that
    the sources should have, in bytes; without them the sources are taken as they are.

    :raises SourceError: when a source cannot be opened, or is not as long as it should be.
    :raises CannotCloneError: when the kernel or the filesystem refuses to share data between the two.
    :raises FileExistsError: when a target exists.
    :raises OSError: for every other failure, a full disk among them. See ioctl_ficlonerange(2).
    """
    opened, clone, close, pack = os.open, ioctl, os.close, _RANGE.pack
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    # the kernel takes a length of 0 for "to the end", and refuses one that ends elsewhere within a block
    for (source, target, mode, mtime_ns), size in zip(files, repeat(0) if sizes is None else sizes, strict=False):
        try:
            source_fd = opened(source, os.O_RDONLY)
        except OSError as error:
            raise source_error(error, source) from error
        try:
            target_fd = opened(target, flags, mode)
            try:
                clone(target_fd, _FICLONERANGE, pack(source_fd, 0, size, 0))
                if mtime_ns is not None:
                    os.utime(target_fd, ns=(mtime_ns, mtime_ns))
            except OSError as error:
                os.unlink(target)
                if sizes is not None and error.errno == errno.EINVAL:
                    check_size(source, os.fstat(source_fd).st_size, size)
                raise _classified(error) from error
            finally:
                close(target_fd)
        finally:
            close(source_fd)
        done.append(target)


def _clone_files_by_package(files: Iterable[Duplicate], done: list[str], sizes: Sequence[int] | None = None) -> None:
    for file, size in zip(files, repeat(None) if sizes is None else sizes, strict=False):
        _clone_file_by_package(*file, size)
        done.append(file[1])


def _clone_file_by_package(source: str, target: str, mode: int, mtime_ns: int | None, size: int | None) -> None:
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
        raise _classified(error) from error


def _classified(error: OSError) -> OSError:
    return CannotCloneError(error.errno, error.strerror) if error.errno in _CANNOT_CLONE else error


if sys.platform == "linux":
    from fcntl import ioctl
else:
    clone_files = _clone_files_by_package
