"""When an entry of the cache was last used: the mtime of its directory, which archives keep.

It is written at most once a day, and costs nothing to read: that directory is looked at anyway, before it is trusted.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

DAY_NS = 24 * 60 * 60 * 10**9
"""For how long a use that is noted counts as noted, in nanoseconds."""

# Setting an mtime sets the ctime to the same moment, by another clock of the kernel.
_SAME_MOMENT_NS = 10**9


def is_noted(status: os.stat_result, now_ns: int) -> bool:
    """Return whether a use at ``now_ns`` needs no noting: one of the same day is noted, and was noted here."""
    return 0 <= now_ns - status.st_mtime_ns < DAY_NS and was_used_here(status)


def was_used_here(status: os.stat_result) -> bool:
    """Return whether an entry was used since it came to this place, from an archive or from another cache.

    What is restored has the mtime that it had, and a ctime of now; nobody can set that.
    """
    return status.st_ctime_ns - status.st_mtime_ns < _SAME_MOMENT_NS


def now_used(entry: Path) -> None:
    """Note that an entry is used now; a cache that cannot be written merely forgets it."""
    with suppress(OSError):
        os.utime(entry)
