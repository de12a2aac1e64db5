"""Put the files of many directories into place, with a second process where that is faster."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import File
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.install.linking import Linker, Place, Refusals
from virtualenv_reflink.progress import Progress

# Below this many files a second process costs more to start than it saves.
_FILES_FOR_TWO = 2000
# What it is given: the other one still has the rest to plan.
_CHILDS_SHARE = 0.65


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


class Placing:
    """Puts files into place: the first part in a forked process while the second is still being planned.

    Leaving the context waits for all of them. Every file placed is appended to ``placed``, also when this fails.
    """

    def __init__(self, expected: int, linker: Linker, placed: list[str], progress: Progress) -> None:
        """Take the number of files to come, and the linker whose link mode is used."""
        forks = expected >= _FILES_FOR_TWO and _may_fork()
        self._childs_share = int(expected * _CHILDS_SHARE) if forks else None
        self._linker = linker
        self._placed = placed
        self._progress = progress
        self._batches: list[Batch] = []
        self._planned = 0
        self._child: _Child | None = None

    def __enter__(self) -> Placing:
        return self

    def add(self, batches: Iterable[Batch]) -> None:
        """Take what has been planned: the directories are there, and the names are free."""
        for batch in batches:
            self._batches.append(batch)
            self._planned += len(batch.files)
            if self._childs_share is not None and self._planned >= self._childs_share:
                self._child = _Child(self._batches, self._linker)
                self._batches, self._childs_share = [], None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Place the rest, and wait for the other process.

        :raises OSError: for the first file that could not be placed.
        """
        try:
            if kind is None:
                with self._progress.stage("Placing files", sum(len(batch.files) for batch in self._batches)):
                    _place(self._batches, self._placed, self._progress)
                self._wait()
        finally:
            if self._child is not None:
                self._child.kill()
                self._placed += self._child.targets

    def _wait(self) -> None:
        if self._child is None:
            return
        outcome, targets = self._child.outcome(), self._child.targets
        self._child = None
        self._placed += targets[: outcome.placed]
        self._linker.add_refusals(Refusals(outcome.refusals, outcome.reason))
        if outcome.error is not None:
            raise OSError(*outcome.error)


def _may_fork() -> bool:
    """Whether a fork is safe and of use: not among threads, and not on one processor."""
    return sys.platform == "linux" and threading.active_count() == 1 and (os.cpu_count() or 1) > 1


def _place(batches: Sequence[Batch], placed: list[str], progress: Progress) -> None:
    for source, target, files, mtime_ns, put in batches:
        put([_duplicate(source, target, file, mtime_ns) for file in files], placed)
        progress.step("", len(files))


def _duplicate(source: str, target: str, file: File, mtime_ns: int | None) -> Duplicate:
    name, executable, _, _ = file
    mode = 0o777 if executable else 0o666
    return f"{source}/{name}", f"{target}/{name}", mode, mtime_ns if name.endswith(".py") else None


class _Child:
    """A forked process that places its batches and tells how that went."""

    def __init__(self, batches: Sequence[Batch], linker: Linker) -> None:
        self._batches = batches
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reading)
            _work(batches, linker, writing)
        os.close(writing)
        self._pipe = os.fdopen(reading, "rb")

    @property
    def targets(self) -> list[str]:
        """What it is to place, in order."""
        return [f"{batch.target}/{file.name}" for batch in self._batches for file in batch.files]

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
        self._pipe.close()
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _work(batches: Sequence[Batch], linker: Linker, pipe: int) -> None:
    """Place ``batches`` and end this process; whoever forked it decides about interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    placed: list[str] = []
    error: tuple[int | None, str, str | None] | None = None
    linker.refusals = Refusals(0, None)
    try:
        _place(batches, placed, Progress())
    except OSError as stopped:
        error = (stopped.errno, stopped.strerror or str(stopped), stopped.filename)
    except BaseException as stopped:
        error = (None, repr(stopped), None)
    os.write(pipe, json.dumps(_Outcome(len(placed), error, *linker.refusals)).encode())
    os._exit(0)
