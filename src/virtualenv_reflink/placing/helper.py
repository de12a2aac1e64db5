"""A second process that helps to place files: whoever of the two is free takes the next ones."""

import json
import os
import sys
import threading
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NoReturn

from virtualenv_reflink.filesystem.interrupts import interrupts_put_off
from virtualenv_reflink.filesystem.source import SourceError
from virtualenv_reflink.placing.batches import Batch, place
from virtualenv_reflink.placing.placer import Placer, Refusals
from virtualenv_reflink.progress import Progress

# A ticket is four bytes, and a pipe takes at least a page of them while nobody reads (pipe(7)).
_TICKET_BYTES = 4
_MOST_SHARES = 1000
_FEWEST_FILES = 32


def start_helper(batches: Sequence[Batch], placer: Placer) -> "Helper | None":
    """Start a second process that places ``batches``, or return None where one process does better.

    That is: where a fork is not safe (among threads), of no use (on one processor), or refused by the system.
    """
    if sys.platform != "linux" or threading.active_count() > 1 or (os.cpu_count() or 1) < 2:
        return None
    with suppress(OSError):
        return Helper(batches, placer)
    return None


class Helper:
    """A forked process that places batches together with the one that forked it.

    It never outlives its parent by more than the share that it is placing, and runs nothing of its parent's code but
    what places files. It is started and stopped with interrupts put off: the parent decides what becomes of them.
    """

    def __init__(self, batches: Sequence[Batch], placer: Placer) -> None:
        """Fork.

        :raises OSError: when the system has no process or no pipe to spare.
        """
        self._shares = _divided(batches)
        self._tickets = _tickets(len(self._shares))
        self._report, writing = os.pipe()
        self._running = True
        parent = os.getpid()
        try:
            self._pid = os.fork()
            if self._pid == 0:
                self._work(placer, writing, parent)
        except OSError:
            self._close()
            raise
        finally:
            os.close(writing)

    def untaken(self) -> Iterator[list[Batch]]:
        """Yield what neither process has begun with, until nothing is left."""
        for number in self._taken():
            yield self._shares[number]

    def finish(self) -> Refusals:
        """Wait for the other process, and return which files refused their link mode there.

        :raises SourceError: when it was one of the cache that was at fault there.
        :raises OSError: for the first file that could not be placed there for another reason.
        """
        told = b"".join(iter(lambda: os.read(self._report, 1 << 16), b""))
        self._end()
        if not told:
            raise OSError(None, "a process that placed files was killed")
        error, is_of_source, refusals = json.loads(told)
        if error is not None:
            raise (SourceError if is_of_source else OSError)(*error)
        return Refusals(*refusals)

    def stop(self) -> None:
        """Leave nothing for the other process to take, and wait for its end."""
        if self._running:
            with interrupts_put_off():
                for _ in self._taken():
                    pass
                self._end()

    def _end(self) -> None:
        # where whoever started us ignores SIGCHLD, the system has forgotten the process by itself, wait(2)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        self._running = False
        self._close()

    def _close(self) -> None:
        os.close(self._report)
        os.close(self._tickets)

    def _taken(self) -> Iterator[int]:
        """Yield numbers of shares; each is read from the pipe once, by one of the processes."""
        while ticket := os.read(self._tickets, _TICKET_BYTES):
            yield int.from_bytes(ticket, sys.byteorder)

    def _work(self, placer: Placer, pipe: int, parent: int) -> NoReturn:
        """Place what is untaken while the parent lives, and end this process whatever happens."""
        try:
            placer.refusals = Refusals()
            error = self._place_while(placer, parent)
            told = error and (error.errno, error.strerror or str(error), error.filename)
            os.write(pipe, json.dumps([told, isinstance(error, SourceError), placer.refusals]).encode())
        finally:
            os._exit(0)

    def _place_while(self, placer: Placer, parent: int) -> OSError | None:
        """Return what stopped it, if anything did."""
        try:
            for number in self._taken():
                if os.getppid() != parent:
                    break
                place(self._shares[number], placer, Progress())
        except OSError as stopped:
            return stopped
        return None


def _divided(batches: Sequence[Batch]) -> list[list[Batch]]:
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
