"""One change to an environment at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_held = threading.local()


@contextmanager
def locked(root: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the directory ``root``; another process that wants it waits, and is told so through ``on_wait``.

    What is locked is the directory itself, flock(2), so that no file is made for it anywhere, and nothing stays behind
    when the process is killed. Processes that this one forks hold it too. A thread that holds it may ask again.

    A filesystem that cannot lock directories (NFS) is no error: ``on_wait`` is told, and there is no lock.

    :raises OSError: when ``root`` cannot be opened.
    """
    if fcntl is None:
        with _locked_by_file(root, on_wait):
            yield
        return
    fd = os.open(root, os.O_RDONLY)
    try:
        status = os.fstat(fd)
        identity = status.st_dev, status.st_ino
        mine: set[tuple[int, int]] = _held.__dict__.setdefault("roots", set())
        if identity in mine:
            yield
            return
        _wait_for(fd, root, on_wait)
        mine.add(identity)
        try:
            yield
        finally:
            mine.remove(identity)
    finally:
        os.close(fd)


def _wait_for(fd: int, root: Path, on_wait: Callable[[str], None]) -> None:
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait(f"waiting for another installation into {root} to end")
            fcntl.flock(fd, fcntl.LOCK_EX)
    except OSError as error:
        on_wait(f"{root} cannot be locked ({error.strerror}); let nothing else be installed there meanwhile")


@contextmanager
def _locked_by_file(root: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Lock a file of the user's state directory, where directories cannot be locked."""
    import hashlib

    from filelock import FileLock, Timeout
    from platformdirs import user_state_path

    place = user_state_path("virtualenv-reflink", appauthor=False) / "locks"
    place.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()
    lock = FileLock(place / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait(f"waiting for another installation into {root} to end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
