"""Prune the cache once a day, in a process of its own that nobody waits for."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from virtualenv_reflink.cache.store import Store
    from virtualenv_reflink.provision.settings import Settings

_SECONDS_BETWEEN = 24 * 60 * 60
_KIND, _KEY = "pruned", "last"


def prune_if_due(store: Store, settings: Settings) -> None:
    """Have a cache pruned that was not pruned for a day, unless the settings say never, or to be offline.

    This takes one look at a file, and never fails. A new cache is due after a day.
    """
    if settings.offline or not settings.cache_max_age:
        return
    last = store.path(_KIND, _KEY)
    with suppress(OSError):
        age = _age(last)
        if age is not None and 0 <= age < _SECONDS_BETWEEN:
            return
        # noted first, so that of many who find it due one begins
        store.write_note(_KIND, _KEY, "")
        if age is not None and os.access(last, os.W_OK):
            _start(store, settings.cache_max_age)


def _age(path: os.PathLike[str]) -> float | None:
    """Return how long ago a file was written, in seconds, or None where there is none."""
    with suppress(FileNotFoundError):
        return time.time() - os.stat(path).st_mtime
    return None


def _start(store: Store, days: float) -> None:
    # a lazy boundary: it is due once a day
    import subprocess

    from virtualenv_reflink.provision.own_command import own_command

    null = subprocess.DEVNULL
    command = own_command("cache", "prune", "--unused-for", f"{days:g}", "--wheel-cache", str(store.root))
    subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)
