"""btrfs subvolumes: whole directory trees that are cloned in constant time, without privileges.

See btrfs-subvolume(8) and ``<linux/btrfs.h>``.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

if sys.platform == "linux":
    from fcntl import ioctl

# _IOW(0x94, number, size of the argument)
_SUBVOL_CREATE = 0x5000940E
_SNAP_DESTROY = 0x5000940F
_SNAP_CREATE_V2 = 0x50009417
_SUBVOL_SETFLAGS = 0x4008941A
_READ_ONLY = 1 << 1
# _IOR(0x94, 60, struct btrfs_ioctl_get_subvol_info_args), and where its members uuid and ctransid are
_GET_SUBVOL_INFO = 0x81F8943C
_INFO_SIZE = 504
_UUID = slice(296, 312)
_CTRANSID = slice(344, 352)
# _IOR(0x94, 31, struct btrfs_ioctl_fs_info_args), and where its member fsid is
_FS_INFO = 0x8400941F
_FS_INFO_SIZE = 1024
_FSID = slice(16, 32)
# The inode number of every subvolume's root.
_ROOT_INODE = 256
_NAME_LIMIT = 255


def create_subvolume(path: str) -> None:
    """Make an empty subvolume.

    :raises OSError: where that is impossible: ENOTTY when the filesystem is no btrfs, EEXIST when ``path`` exists.
    """
    with _directory_of(path) as (fd, name):
        ioctl(fd, _SUBVOL_CREATE, bytearray(struct.pack("q4088s", 0, name)))


def seal_subvolume(path: str) -> None:
    """Make a subvolume read-only, for root too.

    :raises OSError: when ``path`` is none, or belongs to another user.
    """
    with _opened(path) as fd:
        ioctl(fd, _SUBVOL_SETFLAGS, struct.pack("Q", _READ_ONLY))


def unseal_subvolume(path: str) -> None:
    """Make a subvolume writable again.

    :raises OSError: when ``path`` is none, or belongs to another user.
    """
    with _opened(path) as fd:
        ioctl(fd, _SUBVOL_SETFLAGS, struct.pack("Q", 0))


def snapshot(source: str, target: str) -> None:
    """Make ``target`` a writable clone of the subvolume ``source``, sharing all data and metadata.

    :raises OSError: where that is impossible: EXDEV on another filesystem, EINVAL when ``source`` is no subvolume.
    """
    with _opened(source) as source_fd, _directory_of(target) as (fd, name):
        ioctl(fd, _SNAP_CREATE_V2, bytearray(struct.pack("qQQ32s4040s", source_fd, 0, 0, b"", name)))


def delete_subvolume(path: str) -> bool:
    """Delete a subvolume at once, with all it holds; return False where the mount leaves that to root.

    :raises OSError: when it fails for another reason.
    """
    with _directory_of(path) as (fd, name):
        try:
            ioctl(fd, _SNAP_DESTROY, bytearray(struct.pack("q4088s", 0, name)))
        except OSError as error:
            if error.errno in {errno.EPERM, errno.EACCES, errno.ENOTTY}:
                return False
            raise
    return True


def last_change(path: str) -> str:
    """Return which subvolume ``path`` is and the last transaction that changed anything in it, as of the last commit.

    Snapshots of it, and its being sealed or unsealed, are no changes; making a snapshot of it commits.

    :raises OSError: when it is none.
    """
    told = bytearray(_INFO_SIZE)
    with _opened(path) as fd:
        ioctl(fd, _GET_SUBVOL_INFO, told)
    return f"{told[_UUID].hex()}-{int.from_bytes(told[_CTRANSID], sys.byteorder)}"


def btrfs_uuid(path: str) -> str | None:
    """Return the UUID of the btrfs that holds a directory, or None for any other filesystem.

    :raises OSError: when the directory cannot be opened.
    """
    if sys.platform != "linux":
        return None
    told = bytearray(_FS_INFO_SIZE)
    with _opened(path) as fd:
        try:
            ioctl(fd, _FS_INFO, told)
        except OSError:
            return None
    digits = told[_FSID].hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def is_subvolume(path: str) -> bool:
    """Return whether ``path`` is the root of a subvolume, as far as its inode tells; other filesystems may lie."""
    with suppress(OSError):
        status = os.lstat(path)
        return stat.S_ISDIR(status.st_mode) and status.st_ino == _ROOT_INODE
    return False


@contextmanager
def _opened(path: str) -> Iterator[int]:
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), path)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _directory_of(path: str) -> Iterator[tuple[int, bytes]]:
    """Open the directory above ``path``, for an ioctl that takes a name in it."""
    parent, name = os.path.split(os.fsencode(path))
    if len(name) > _NAME_LIMIT:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
    with _opened(os.fsdecode(parent)) as fd:
        yield fd, name
