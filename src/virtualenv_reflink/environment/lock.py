"""One installation into an environment at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from virtualenv_reflink.errors import TargetError


@contextmanager
def exclusive(root: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the environment at ``root`` for one installation; another one waits, and is told so through ``on_wait``.

    The lock is kept outside the environment, which gets no file that pip would not have put there.

    :raises TargetError: when the lock cannot be made.
    """
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()
    try:
        place = user_state_path("virtualenv-reflink", appauthor=False, ensure_exists=True) / "locks"
        place.mkdir(exist_ok=True)
        lock = FileLock(place / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait(f"waiting for another installation into {root} to end")
            lock.acquire()
    except OSError as error:
        raise TargetError(f"{root} cannot be locked: {error.strerror} ({error.filename})") from error
    try:
        yield
    finally:
        lock.release()
