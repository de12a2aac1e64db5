"""Signals that ask a process to end: put off for a moment, or turned into exceptions."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

# SIGINT raises KeyboardInterrupt by itself; Windows has no SIGHUP
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class EndedBySignal(SystemExit):
    """The process was asked to end by a signal; its exit status is the one that shells give for that."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def interrupts_put_off() -> Iterator[None]:
    """Have this thread hear of signals that ask it to end only when the context is left.

    Only the main thread hears of any: Python runs its handlers there, whichever thread a signal has reached. So
    blocking them, pthread_sigmask(3), would put nothing off in a process with several threads.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDING)}
    # a handler that is not Python's own, None, could not be put back
    put_off = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in put_off:
        signal.signal(number, lambda number, _: received.append(number))
    try:
        yield
    finally:
        for number, handler in put_off.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


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
