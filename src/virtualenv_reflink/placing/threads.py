"""Files placed by the threads of the native core, while Python plans more of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from virtualenv_reflink.filesystem.interrupts import interrupts_put_off
from virtualenv_reflink.filesystem.native import SIZE, SOURCE, start_placing
from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.filesystem.source import check_size, source_error
from virtualenv_reflink.placing.placer import Refusals
from virtualenv_reflink.progress import Progress

if TYPE_CHECKING:
    from virtualenv_reflink.filesystem._native import Placing
    from virtualenv_reflink.placing.files import Files

# How long a signal waits for being noticed.
_SECONDS = 0.05


def start_threads() -> Threads | None:
    """Start threads, or return None where there is no native core."""
    with interrupts_put_off():
        placing = start_placing(current_umask())
        return None if placing is None else Threads(placing)


class Threads:
    """Threads that place batches whose link mode the native core has."""

    def __init__(self, placing: Placing) -> None:
        """Take what has been started; :meth:`stop` ends it."""
        self._placing = placing

    def submit(self, batch: Files, operation: int) -> None:
        """Have a batch placed by one of the core's operations; what becomes of it :meth:`finish` tells."""
        names, executables, sizes = batch.columns()
        self._placing.submit(operation, batch.source, batch.target, names, executables, sizes, batch.mtime_ns)

    def finish(self, progress: Progress) -> Refusals:
        """Wait until all is placed, and return which files refused their link mode.

        :raises OSError: for the first file that could not be placed.
        """
        over, told = False, 0
        while not over:
            over = self._placing.wait(_SECONDS)
            placed, refused, reason = self._placing.placed()
            progress.step("", placed - told)
            told = placed
        self._raise_failure()
        return Refusals(refused, f"they refused with {os.strerror(reason)!r}") if refused else Refusals()

    def stop(self) -> None:
        """Begin with no further file, and wait for those that are being placed."""
        with interrupts_put_off():
            self._placing.stop()

    def _raise_failure(self) -> None:
        failure = self._placing.failure()
        if failure is None:
            return
        fault, code, directory, name, size, expected = failure
        path = f"{directory}/{name}"
        if fault == SIZE:
            check_size(path, size, expected)
        error = OSError(code, os.strerror(code), path)
        raise source_error(error, path) if fault == SOURCE else error
