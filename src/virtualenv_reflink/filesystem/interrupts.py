"""Signals that ask a process to end: put off for a moment, or turned into exceptions."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

# SIGINT raises KeyboardInterrupt by itself; Windows has no SIGHUP
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class EndedBySignal(SystemExit):
    """The process was asked to end by a signal; its exit status is the one that shells give for that."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def interrupts_put_off() -> Iterator[Callable[[], None]]:
    """Have this thread hear of signals that ask it to end only when the context is left, or calls what it is given.

    Only the main thread hears of any: Python runs its handlers there, whichever thread a signal has reached. So
    blocking them, pthread_sigmask(3), would put nothing off in a process with several threads.
    """
    if threading.current_thread() is not threading.main_thread():
        yield no_interrupts
        return
    put_off = _PutOff()
    try:
        put_off.begin()
        yield put_off.let_through
    finally:
        put_off.end()


def no_interrupts() -> None:
    """Let no signal through, as none is put off."""


class _PutOff:
    """Handlers that only note which signals were received, in place of those that there were."""

    def __init__(self) -> None:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDING)}
        # a handler that is not Python's own, None, could not be put back
        self._handlers = {each: handler for each, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
        self._received: list[int] = []

    def begin(self) -> None:
        """Note signals from now on."""
        for number in self._handlers:
            signal.signal(number, self._note)

    def end(self) -> None:
        """Put the handlers back, and have the first signal handled that was noted."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._received:
            number = self._received[0]
            self._received.clear()
            signal.raise_signal(number)

    def let_through(self) -> None:
        """Have the first signal handled that was noted, and note others again."""
        if self._received:
            self.end()
            self.begin()

    def _note(self, number: int, _: FrameType | None) -> None:
        self._received.append(number)


@contextmanager
def endings_raised() -> Iterator[None]:
    """Have signals that would end the process at once raise :class:`EndedBySignal`, so that work can be taken back.

    A signal that has a handler already keeps it. Nothing changes outside the main thread, where Python has no handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _raise(number: int, _: object) -> NoReturn:
    raise EndedBySignal(number)
