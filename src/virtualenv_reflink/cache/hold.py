"""Whoever uses a cache holds it, and whoever takes things out of it waits until nobody else does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Hold:
    """A shared lock on a directory, flock(2), from now until this object is gone.

    It is a lock on the directory itself, so that it needs no permission to write, and ends with the process however
    that ends. Processes that this one forks hold it too. Where directories cannot be locked (NFS, Windows) there is
    none, and entries that vanish are fetched again.
    """

    def __init__(self, directory: str) -> None:
        """Wait until nobody holds ``directory`` alone.

        :raises OSError: when it cannot be opened.
        """
        self._fd = -1 if fcntl is None else os.open(directory, os.O_RDONLY)
        self._lock("LOCK_SH")

    @contextmanager
    def alone(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Let nobody else hold the directory for a moment; ``on_wait`` is told that somebody does, and is waited for.

        Those who come meanwhile wait, so there should be little to do. Who holds it in turn without a pause keeps this
        waiting.
        """
        try:
            if not self._lock("LOCK_EX", "LOCK_NB"):
                on_wait()
                self._lock("LOCK_EX")
            yield
        finally:
            self._lock("LOCK_SH")

    def _lock(self, *names: str) -> bool:
        """Return False if somebody else's lock is in the way and is not to be waited for."""
        if self._fd >= 0:
            operation = sum(getattr(fcntl, name) for name in names)
            try:
                fcntl.flock(self._fd, operation)
            except BlockingIOError:
                return False
            except OSError:
                self._close()
        return True

    def _close(self) -> None:
        with suppress(OSError):
            os.close(self._fd)
        self._fd = -1

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            self._close()
