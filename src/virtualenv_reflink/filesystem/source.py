"""The trouble that is with the file to be duplicated, not with the place where its duplicate belongs."""

from __future__ import annotations

import errno
import os
import stat

# What is wrong with this process rather than with the file.
_OWN = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class SourceError(OSError):
    """A source is missing, cannot be read, or has not the size it should have; ``filename`` is its path."""


SOURCE_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""How a source is opened, see open(2): a named pipe in its place is not waited for."""


def source_error(error: OSError, source: str) -> OSError:
    """Return what ``error``, met while ``source`` was opened, says of it."""
    return error if error.errno in _OWN else SourceError(error.errno, error.strerror, source)


def check_regular(source: str, source_fd: int) -> None:
    """Refuse a source, open as ``source_fd``, that is a directory, a named pipe or the like.

    :raises SourceError: when it is.
    """
    if not stat.S_ISREG(os.fstat(source_fd).st_mode):
        raise SourceError(errno.EIO, "it is no regular file", source)


def check_size(source: str, size: int, expected: int | None) -> None:
    """Compare the size of a source with the one it should have, in bytes, if that is known.

    :raises SourceError: when they differ.
    """
    if expected is not None and size != expected:
        raise SourceError(errno.EIO, f"it has {size} bytes in place of {expected}", source)
