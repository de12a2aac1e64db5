"""A command as a process of its own: what it prints to, how signals end it, its exit status."""

from __future__ import annotations

import _thread
import gc
import io
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn, TextIO

from virtualenv_reflink.cache.temporary import delete_temporary_wheel_caches

INTERRUPTED = "the wheel cache is whole, and no package was half-installed"


_SOON = 0.01
"""In seconds; by then Python is out of what an exception cannot leave."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: unwound like Ctrl-C, so that what an interrupt cleans up is cleaned up here as well."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def run_as_process(main: Callable[[], int]) -> NoReturn:
    """Run ``main``, and end this process with the status that it returns, or with 128 and the number of a signal.

    Output never decides the status: what nobody takes, because a stream is closed, its reader gone or its device full,
    is lost. Making an environment takes a tenth of a second; collecting garbage and tearing the interpreter down would
    take a sixth of that, for memory that the system takes back anyway.
    """
    try:
        gc.disable()
        _answer_interrupts()
        _end_by_exception_on(signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
        _raise_again_what_was_lost()
        _open_standard_streams()
        status = main()
    except SystemExit as exit_:
        status = _status(exit_)
    except KeyboardInterrupt as interrupt:
        status = tell_interrupt(interrupt)
    delete_temporary_wheel_caches()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def tell_interrupt(interrupt: KeyboardInterrupt) -> int:
    """Say that the process was told to end, and return its exit status."""
    terminated = isinstance(interrupt, Terminated)
    print(f"{'terminated' if terminated else 'interrupted'}: {INTERRUPTED}", file=sys.stderr)
    return 128 + _number_of(interrupt)


def _status(exit_: SystemExit) -> int:
    if exit_.code is None or isinstance(exit_.code, int):
        return exit_.code or 0
    print(exit_.code, file=sys.stderr)
    return 1


def _answer_interrupts() -> None:
    """Have Ctrl-C raise KeyboardInterrupt again, unless it is ignored, as in the background of a script."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end_by_exception_on(*numbers: int) -> None:
    owner = os.getpid()

    def end(number: int, _: FrameType | None) -> None:
        if os.getpid() != owner:
            # a child that was forked does not unwind into what its parent would undo
            os._exit(128 + number)
        for each in numbers:
            # cleaning up is not to be cut short
            signal.signal(each, signal.SIG_IGN)
        raise Terminated(number)

    for number in numbers:
        # what is ignored, as by nohup, stays so
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _raise_again_what_was_lost() -> None:
    """Have an interrupt come again that was raised where Python only reports it, as in a weak reference's callback."""
    report = sys.unraisablehook

    def raise_again(unraisable: sys.UnraisableHookArgs) -> None:
        interrupt = unraisable.exc_value
        if isinstance(interrupt, Terminated):
            signal.signal(interrupt.number, signal.SIG_DFL)
            _end_by_exception_on(interrupt.number)
        if isinstance(interrupt, KeyboardInterrupt):
            _thread.start_new_thread(_interrupt_soon, (_thread.get_ident(), _number_of(interrupt)))
        else:
            report(unraisable)

    sys.unraisablehook = raise_again


def _interrupt_soon(thread: int, number: int) -> None:
    time.sleep(_SOON)
    if hasattr(signal, "pthread_kill"):
        # what the thread waits for is interrupted too
        signal.pthread_kill(thread, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def _number_of(interrupt: KeyboardInterrupt) -> int:
    return interrupt.number if isinstance(interrupt, Terminated) else signal.SIGINT


def _open_standard_streams() -> None:
    """Give the process all three standard streams, so that no other file is opened in the place of one."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # the lowest that is free, which this is
            os.open(os.devnull, os.O_RDONLY if descriptor == 0 else os.O_WRONLY)
    sys.stdout = _losing(1, sys.stdout)
    sys.stderr = _losing(2, sys.stderr)


def _losing(descriptor: int, stream: TextIO | None) -> TextIO:
    errors = getattr(stream, "errors", None) or "strict"
    return _LosingStream(
        open(descriptor, "wb", closefd=False),
        encoding=getattr(stream, "encoding", None),
        # a name that this encoding lacks is no reason to fail either
        errors="backslashreplace" if errors == "strict" else errors,
        line_buffering=descriptor == 2 or os.isatty(descriptor),
    )


class _LosingStream(io.TextIOWrapper):
    """A standard stream that loses what it cannot write."""

    def write(self, text: str) -> int:
        """Write ``text`` if that is possible."""
        with suppress(OSError, ValueError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write out what is buffered if that is possible."""
        with suppress(OSError, ValueError):
            super().flush()
