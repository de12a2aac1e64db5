"""A second process that helps to place files: whoever of the two is free takes the next ones."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from virtualenv_reflink.placing.batches import Batch, place, targets
from virtualenv_reflink.placing.linking import Linker, Refusals
from virtualenv_reflink.progress import Progress

# A ticket is four bytes, and a pipe takes at least a page of them while nobody reads (pipe(7)).
_TICKET_BYTES = 4
_MOST_SHARES = 1000
_FEWEST_FILES = 32


class Helper:
    """A forked process that places batches together with the one that forked it."""

    def __init__(self, batches: Sequence[Batch], linker: Linker) -> None:
        self._shares = _shares(batches)
        self._tickets = _tickets(len(self._shares))
        self._ended = False
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reading)
            self._work(linker, writing)
        os.close(writing)
        self._told = os.fdopen(reading, "rb")

    def untaken(self) -> Iterator[list[Batch]]:
        """Yield what neither process has begun with, until nothing is left."""
        for number in self._taken():
            yield self._shares[number]

    def finish(self, linker: Linker) -> list[str]:
        """Wait for the other process, have ``linker`` know what was refused there, and return what was placed there.

        :raises OSError: for the first file that could not be placed.
        """
        told = self._told.read()
        self._end()
        if not told:
            raise OSError(None, "a process that placed files was killed")
        outcome = _Outcome(*json.loads(told))
        linker.add_refusals(Refusals(outcome.refusals, outcome.reason))
        if outcome.error is not None:
            raise OSError(*outcome.error)
        return targets(batch for number in outcome.shares for batch in self._shares[number])

    def stop(self) -> list[str]:
        """Stop the other process wherever it is, and return all that it may have placed."""
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)
            self._end()
        return targets(batch for share in self._shares for batch in share)

    def _end(self) -> None:
        os.waitpid(self._pid, 0)
        self._ended = True
        self._told.close()
        os.close(self._tickets)

    def _taken(self) -> Iterator[int]:
        """Yield numbers of shares; each is read from the pipe once, by one of the processes."""
        while ticket := os.read(self._tickets, _TICKET_BYTES):
            yield int.from_bytes(ticket, sys.byteorder)

    def _work(self, linker: Linker, pipe: int) -> None:
        """Place what is untaken and end this process; whoever forked it decides about interrupts."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        shares: list[int] = []
        error: tuple[int | None, str, str | None] | None = None
        linker.refusals = Refusals(0, None)
        try:
            for number in self._taken():
                shares.append(number)
                place(self._shares[number], [], Progress())
        except OSError as stopped:
            error = (stopped.errno, stopped.strerror or str(stopped), stopped.filename)
        except BaseException as stopped:
            error = (None, repr(stopped), None)
        os.write(pipe, json.dumps(_Outcome(shares, error, *linker.refusals)).encode())
        os._exit(0)


class _Outcome(NamedTuple):
    """Which shares a process took, what stopped it (as arguments of an OSError), how many files were copied and why."""

    shares: list[int]
    error: tuple[int | None, str, str | None] | None
    refusals: int
    reason: str | None


def may_fork() -> bool:
    """Whether a fork is safe and of use: not among threads, and not on one processor."""
    return sys.platform == "linux" and threading.active_count() == 1 and (os.cpu_count() or 1) > 1


def _shares(batches: Sequence[Batch]) -> list[list[Batch]]:
    """Divide ``batches``, in order, into runs of about as many files."""
    number = sum(len(batch.files) for batch in batches)
    enough = max(_FEWEST_FILES, number // _MOST_SHARES + 1)
    shares: list[list[Batch]] = [[]]
    files = 0
    for batch in batches:
        if files >= enough:
            shares.append([])
            files = 0
        shares[-1].append(batch)
        files += len(batch.files)
    return shares


def _tickets(number: int) -> int:
    """Return a pipe from which the numbers below ``number`` can be read, and nothing else."""
    reading, writing = os.pipe()
    os.write(writing, array("I", range(number)).tobytes())
    os.close(writing)
    return reading
