"""Signals that ask a process to end wait until what must not be cut short is done."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from virtualenv_reflink.cache.staging import Staging
from virtualenv_reflink.filesystem.interrupts import EndedBySignal, endings_raised, interrupts_put_off

pytestmark = pytest.mark.usefixtures("_signals_answered")


@contextmanager
def signal_from_another_thread(number: int) -> Iterator[Callable[[], None]]:
    """Have a thread wait until it is asked to signal the process, as one that shows progress may receive a signal."""
    asked, sent = threading.Event(), threading.Event()

    def wait() -> None:
        asked.wait()
        os.kill(os.getpid(), number)
        sent.set()

    def send() -> None:
        asked.set()
        sent.wait()

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield send
    finally:
        asked.set()
        thread.join()


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, EndedBySignal), (signal.SIGHUP, EndedBySignal)],
)
def test_a_signal_that_reaches_any_thread_is_put_off(number: signal.Signals, raised: type[BaseException]) -> None:
    done = []

    def work(send: Callable[[], None]) -> None:
        with interrupts_put_off():
            with interrupts_put_off():
                send()
                done.append("inner")
            done.append("outer")

    with signal_from_another_thread(number) as send, endings_raised(), pytest.raises(raised):
        work(send)
    assert done == ["inner", "outer"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_put_off():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_discarding_is_not_cut_short(tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    for number in range(20):
        (staged / str(number)).mkdir(parents=True)
        for name in range(200):
            (staged / str(number) / str(name)).touch()

    def interrupt() -> None:
        while len(os.listdir(staged)) == 20:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    def discard() -> None:
        thread = threading.Thread(target=interrupt)
        thread.start()
        Staging.discard(staged)
        thread.join()

    with pytest.raises(KeyboardInterrupt):
        discard()
    assert not staged.exists()
