"""Put the files of many directories into place, with a second process where that is faster."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import File
from virtualenv_reflink.install.linking import Linker, Place, Refusals
from virtualenv_reflink.progress import Progress

# Below this many files a second process costs more to start than it saves.
_FILES_FOR_TWO = 2000


class Batch(NamedTuple):
    """Files of one cached directory for one directory of an environment.

    ``put`` is what the link mode does with each; ``mtime_ns`` is for Python sources whose bytecode is checked against
    it, all other files are as new as pip's.
    """

    source: str
    target: str
    files: list[File]
    mtime_ns: int | None
    put: Place


class _Outcome(NamedTuple):
    """How many files were placed, what stopped it (the arguments of an OSError), and how many were copied and why."""

    placed: int
    error: tuple[int | None, str, str | None] | None
    refusals: int
    reason: str | None


def place(batches: Sequence[Batch], linker: Linker, placed: list[str], progress: Progress) -> None:
    """Put all files of ``batches`` into place and append them to ``placed``, also when this fails.

    :raises OSError: for the first file that could not be placed.
    """
    count = _count(batches)
    if count < _FILES_FOR_TWO or not _may_fork():
        with progress.stage("Placing files", count):
            _place_here(batches, placed, progress)
        return
    first, second = _halves(batches, count)
    child = _Child(second, linker)
    try:
        with progress.stage("Placing files", _count(first)):
            _place_here(first, placed, progress)
    except BaseException:
        child.kill()
        placed += _targets(second)
        raise
    outcome = child.outcome()
    placed += list(_targets(second))[: outcome.placed]
    linker.add_refusals(Refusals(outcome.refusals, outcome.reason))
    if outcome.error is not None:
        raise OSError(*outcome.error)


def _count(batches: Sequence[Batch]) -> int:
    return sum(len(batch.files) for batch in batches)


def _may_fork() -> bool:
    """Whether a fork is safe and of use: not among threads, and not on one processor."""
    return sys.platform == "linux" and threading.active_count() == 1 and (os.cpu_count() or 1) > 1


def _halves(batches: Sequence[Batch], count: int) -> tuple[list[Batch], list[Batch]]:
    first: list[Batch] = []
    placed = 0
    for batch in batches:
        if placed >= count // 2:
            break
        first.append(batch)
        placed += len(batch.files)
    return first, list(batches[len(first) :])


def _place_here(batches: Sequence[Batch], placed: list[str], progress: Progress) -> None:
    for source, target, files, mtime_ns, put in batches:
        for name, executable, _, _ in files:
            target_file = f"{target}/{name}"
            put(f"{source}/{name}", target_file, executable, mtime_ns if name.endswith(".py") else None)
            placed.append(target_file)
        progress.step("", len(files))


def _targets(batches: Sequence[Batch]) -> Iterator[str]:
    for batch in batches:
        for file in batch.files:
            yield f"{batch.target}/{file.name}"


class _Child:
    """A forked process that places its batches and tells how that went."""

    def __init__(self, batches: Sequence[Batch], linker: Linker) -> None:
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reading)
            _work(batches, linker, writing)
        os.close(writing)
        self._pipe = os.fdopen(reading, "rb")

    def outcome(self) -> _Outcome:
        """Wait for the end of the work."""
        with self._pipe as pipe:
            told = pipe.read()
        os.waitpid(self._pid, 0)
        if not told:
            return _Outcome(sys.maxsize, (None, "a process that placed files was killed", None), 0, None)
        return _Outcome(*json.loads(told))

    def kill(self) -> None:
        """Stop the work where it is."""
        os.kill(self._pid, signal.SIGKILL)
        self._pipe.close()
        os.waitpid(self._pid, 0)


def _work(batches: Sequence[Batch], linker: Linker, pipe: int) -> None:
    """Place ``batches`` and end this process; whoever forked it decides about interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    placed: list[str] = []
    error: tuple[int | None, str, str | None] | None = None
    linker.refusals = Refusals(0, None)
    try:
        _place_here(batches, placed, Progress())
    except OSError as stopped:
        error = (stopped.errno, stopped.strerror or str(stopped), stopped.filename)
    except BaseException as stopped:
        error = (None, repr(stopped), None)
    os.write(pipe, json.dumps(_Outcome(len(placed), error, *linker.refusals)).encode())
    os._exit(0)
