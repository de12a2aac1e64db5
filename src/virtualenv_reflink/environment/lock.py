"""One change to an environment at a time."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_held = threading.local()


@contextmanager
def locked(root: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the directory ``root``, which is made if it is missing.

    Another process that wants it waits, and is told so through ``on_wait``. What is locked is the directory itself,
    flock(2), so that no file is made for it anywhere, and nothing stays behind when the process is killed. Processes
    that this one forks hold it too. A thread that holds it may ask again.

    A filesystem that cannot lock directories (NFS) is no error: ``on_wait`` is told, and there is no lock.

    :raises OSError: when ``root`` cannot be made or opened.
    """
    if fcntl is None:
        with _locked_by_file(root, on_wait):
            yield
        return
    fd = _opened(root)
    try:
        mine: set[tuple[int, int]] = _held.__dict__.setdefault("roots", set())
        if _identity(os.fstat(fd)) in mine:
            yield
            return
        _wait_for(fd, root, on_wait, fcntl.LOCK_EX)
        while not _is_still(root, fd):
            # whoever held it has deleted it
            os.close(fd)
            fd = _opened(root)
            _wait_for(fd, root, on_wait, fcntl.LOCK_EX)
        identity = _identity(os.fstat(fd))
        mine.add(identity)
        try:
            yield
        finally:
            mine.remove(identity)
    finally:
        os.close(fd)


@contextmanager
def undisturbed(root: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Keep others from holding the directory ``root`` as :func:`locked` does; any number may ask for this at a time.

    :raises OSError: when ``root`` cannot be opened.
    """
    if fcntl is None:
        yield
        return
    fd = os.open(root, os.O_RDONLY)
    try:
        mine: set[tuple[int, int]] = _held.__dict__.setdefault("roots", set())
        if _identity(os.fstat(fd)) not in mine:
            _wait_for(fd, root, on_wait, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


def _opened(root: Path) -> int:
    while True:
        try:
            os.makedirs(root, exist_ok=True)
        except FileExistsError:
            # why it is no directory: it is something else, or cannot even be looked at
            if not stat.S_ISDIR(os.stat(root).st_mode):
                raise
        with suppress(FileNotFoundError):
            return os.open(root, os.O_RDONLY)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _is_still(root: Path, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(root), os.fstat(fd))
    except FileNotFoundError:
        return False


def _wait_for(fd: int, root: Path, on_wait: Callable[[str], None], how: int) -> None:
    try:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait(f"waiting for another command that changes {root} to end")
            fcntl.flock(fd, how)
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
        on_wait(f"waiting for another command that changes {root} to end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
