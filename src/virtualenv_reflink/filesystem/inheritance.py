"""What new files take over from the directory they are made in: its group (inode(7)), and its default ACL (acl(5))."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress

_ACLS = ("system.posix_acl_default", "system.posix_acl_access")
_DEFAULT_ACL = _ACLS[0]
_ABSENT = frozenset({errno.ENODATA, errno.EOPNOTSUPP})


def inherited_from(directory: str) -> str | None:
    """Return what files that are made in ``directory`` inherit from it, in words, or None.

    Where there is no such directory yet, it will inherit that itself, from the one above it.

    :raises OSError: when it cannot be looked at.
    """
    try:
        status = os.stat(directory)
    except FileNotFoundError:
        return inherited_from(os.path.dirname(directory))
    if status.st_mode & stat.S_ISGID:
        return "group"
    return "default ACL" if _has_default_acl(directory) else None


def disinherit(directory: str, mode: int) -> None:
    """Give a new directory the group of this process and ``mode``, so that files in it inherit nothing.

    :raises OSError: when that fails.
    """
    if sys.platform == "linux":
        for name in _ACLS:
            with suppress(OSError):
                os.removexattr(directory, name)
        os.chown(directory, -1, os.getegid())
    os.chmod(directory, mode)


def _has_default_acl(directory: str) -> bool:
    if sys.platform != "linux":
        return False
    try:
        return bool(os.getxattr(directory, _DEFAULT_ACL))
    except OSError as error:
        if error.errno in _ABSENT:
            return False
        raise
