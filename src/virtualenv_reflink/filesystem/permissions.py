"""Permissions of new files."""

from __future__ import annotations

import os
import stat

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def current_umask() -> int:
    """Return the umask of this process.

    Where the kernel tells (Umask in proc_pid_status(5), Linux 4.7) it is not touched: the portable way to read it is to
    set it, and files that another thread makes meanwhile would be writable by everybody.
    """
    try:
        with open("/proc/self/status", "rb") as status:
            for line in status:
                if line.startswith(b"Umask:"):
                    return int(line.split()[1], 8)
    except OSError:
        pass
    umask = os.umask(0)
    os.umask(umask)
    return umask


def create_file(path: str, mode: int) -> int:
    """Make a file that has ``mode`` whatever the umask, and return what writes to it, though its mode may forbid that.

    :raises FileExistsError: when there is one.
    :raises OSError: when it cannot be made.
    """
    fd = os.open(path, _CREATE, mode)
    try:
        if stat.S_IMODE(os.fstat(fd).st_mode) != mode:
            os.chmod(path, mode)
    except BaseException:
        os.close(fd)
        raise
    return fd


def let_all_execute(path: str, mode: int, umask: int) -> None:
    """Add the executable bits that the umask took from a new file, as pip does.

    :raises OSError: when that fails.
    """
    if umask & mode & 0o111:
        os.chmod(path, mode & ~umask | 0o111)
