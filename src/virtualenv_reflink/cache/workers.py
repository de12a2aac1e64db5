"""Worker processes that bring wheels into the cache before they are asked for."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# Works while another one waits for the disk, which every entry is written out to.
_SPARE = 1
_MOST = 8
# Below this many bytes of archives a process costs more to start than it saves.
_BYTES_WORTH_IT = 2 << 20
# How long a worker may take to clear away what it was doing, in seconds.
_PATIENCE = 20.0


class Archive(NamedTuple):
    """A wheel file, and the SHA-256 that it is to have if there is one."""

    path: Path
    promised: str | None = None


class Workers:
    """Unpacks wheels in processes of their own, and compiles them: one may be compiled while others are unpacked.

    They only make ready. Whoever asks the cache for a wheel afterwards finds it there, or is told by the cache what is
    wrong with it, as if there were no workers. They end with the process that started them, however that ends.
    """

    def __init__(self, root: Path, bases: Sequence[Path], executable: Path | None) -> None:
        """Take the root of the cache and those of base caches, and the interpreter to compile for if any."""
        processors = _processors()
        self._count = min(_MOST, processors + _SPARE)
        # where there are more processors than workers, each may use several for a large wheel
        compilers_at_most = max(1, processors // self._count)
        self._compiles = executable is not None
        # those that take turns on a processor drive each other out of its caches, and compile more slowly
        self._compiling = threading.Semaphore(processors)
        caches = [str(place) for place in (root, *bases)]
        self._settings = (caches, str(executable) if executable else None, compilers_at_most)
        self._threads = ThreadPoolExecutor(self._count)
        self._lock = threading.Lock()
        self._is_ended = False
        self._all: list[subprocess.Popen[str]] = []
        self._idle: list[subprocess.Popen[str]] = []
        self._waiting: list[Archive] = []
        self._wheels: dict[Future[None], Archive] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_ended = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._all:
            assert process.stdin
            with suppress(OSError):
                process.stdin.close()
        for process in self._all:
            _end(process)
        self._threads.shutdown()
        for process in self._all:
            assert process.stdout
            process.stdout.close()

    def add(self, wheels: Iterable[Archive]) -> None:
        """Have wheel files made ready, the largest first so that none is left over at the end.

        Little work is not done here. Several threads may add at once.
        """
        with self._lock:
            self._waiting = sorted([*self._waiting, *wheels], key=_size, reverse=True)
            if len(self._waiting) + len(self._wheels) < 2:
                return
            if self._wheels or sum(map(_size, self._waiting)) >= _BYTES_WORTH_IT:
                self._wheels |= {self._threads.submit(self._make_ready, wheel): wheel for wheel in self._waiting}
                self._waiting.clear()

    def wait(self, on_ready: Callable[[str], None] = lambda _: None) -> Path | None:
        """Wait until all is ready, or return at once the first that cannot be made ready.

        ``on_ready`` hears the names of those that are.
        """
        for future in as_completed(self._wheels):
            wheel = self._wheels[future]
            if future.exception():
                return wheel.path
            on_ready(wheel.path.name)
        return None

    def _make_ready(self, wheel: Archive) -> None:
        process = self._taken()
        _have_done(process, "unpack", wheel)
        if self._compiles:
            with self._compiling:
                _have_done(process, "compile", wheel)
        self._idle.append(process)

    def _taken(self) -> subprocess.Popen[str]:
        """Return a worker that has nothing to do."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._is_ended:
                raise OSError
            process = _started(self._settings)
            self._all.append(process)
            return process


def _started(settings: tuple[list[str], str | None, int]) -> subprocess.Popen[str]:
    """Start a worker that imports from where this process does, without what else an interpreter does at its start.

    What a terminal sends to all of its processes does not reach it.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__package__}.worker import main; main(*{settings!r})"
    pipe = subprocess.PIPE
    command = [sys.executable, "-I", "-S", "-c", code]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, encoding="utf-8", start_new_session=True)


def _have_done(process: subprocess.Popen[str], task: str, wheel: Archive) -> None:
    """Have a worker do one of its tasks.

    :raises OSError: when it cannot, or has ended.
    """
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps([task, str(wheel.path), wheel.promised]) + "\n")
        process.stdin.flush()
        while isinstance(answer := json.loads(process.stdout.readline()), list):
            logging.getLogger(__name__).log(*answer)
    except ValueError as error:
        # it has ended, or its streams were closed meanwhile
        raise OSError from error
    if not answer:
        raise OSError(f"{wheel.path} cannot be made ready")


def _end(process: subprocess.Popen[str]) -> None:
    """Wait for a worker, whose input has ended, to clear away what it was doing."""
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _size(wheel: Archive) -> int:
    try:
        return wheel.path.stat().st_size
    except OSError:
        return 0


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
