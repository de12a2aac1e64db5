"""Which permissions new files of this process do not get."""

from __future__ import annotations

import os


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
