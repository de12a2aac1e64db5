"""Prune the cache, in a process of its own that nobody waits for."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from virtualenv_reflink.provision.own_command import own_command

if TYPE_CHECKING:
    from virtualenv_reflink.cache.store import Store


def begin_pruning(store: Store, days: float) -> None:
    """Take out what was not used for so many days, and note that; of a new cache only note it.

    What cannot be written is left alone, and nothing fails.
    """
    last = store.path("pruned", "last")
    is_new = not last.exists()
    # noted first, so that of many who find it due one begins
    store.write_note("pruned", "last", "")
    if not is_new and os.access(last, os.W_OK):
        null = subprocess.DEVNULL
        command = own_command("cache", "prune", "--unused-for", f"{days:g}", "--wheel-cache", str(store.root))
        with suppress(OSError):
            subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)
