"""The threads of this process, as the kernel has them."""

from __future__ import annotations

import os
import time


def tasks() -> set[str]:
    """The threads there are now."""
    return set(os.listdir("/proc/self/task"))


def new_tasks(before: set[str], seconds: float = 10) -> set[str]:
    """The threads that were not there before and do not end; one that was waited for is told a moment longer."""
    until = time.monotonic() + seconds
    while (found := tasks() - before) and time.monotonic() < until:
        time.sleep(0.01)
    return found
