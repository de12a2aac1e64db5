"""Progress on a terminal, explanations where they are asked for, and silence elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import RLock
from typing import TYPE_CHECKING

from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


_WORTH_SHOWING = 0.3


def tell(line: str) -> None:
    """Tell the user something that is not what was asked for."""
    print(line, file=sys.stderr)


def tell_warnings(outcome: Outcome) -> None:
    """Tell what wheels are not quite what they say they are."""
    for warning in outcome.warnings:
        tell(f"warning: {warning}")


def progress(*, verbose: bool, quiet: bool) -> Progress:
    """Return who hears of long work; bars need rich, an extra, and are not drawn without it."""
    if verbose:
        return _Explaining()
    return Progress() if quiet or not sys.stderr.isatty() or not _has_rich() else _OnTerminal()


def _has_rich() -> bool:
    # a lazy boundary: only a terminal can be drawn on
    from virtualenv_reflink.cli.extras import is_there

    return is_there("rich")


class _Explaining(Progress):
    """Prints each stage and what pip says."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[None]:
        print(name if total is None else f"{name} ({total})", file=sys.stderr)
        return super().stage(name, total)

    def step(self, what: str, count: int = 1) -> None:  # noqa: ARG002
        if what:
            print(f"  {what}", file=sys.stderr)

    def detail(self, line: str) -> None:
        print(f"  {line}", file=sys.stderr)


class _Stage:
    """A stage that has begun and not ended, with its bar once it has one."""

    def __init__(self, name: str, total: int | None) -> None:
        self.name, self.total = name, total
        self.began = time.monotonic()
        self.done = 0
        self.bar: TaskID | None = None


class _OnTerminal(Progress):
    """Draws a bar for the latest stage that has not ended, once that has taken long enough to be worth it.

    Any thread may begin stages and take steps. There is one display at most; it ends with the stage that ends last.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._stages: list[_Stage] = []
        self._bars: Bars | None = None

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[None]:
        present = _Stage(name, total)
        try:
            with self._lock:
                self._stages.append(present)
            yield
        finally:
            with self._lock:
                self._end(present)

    def step(self, what: str, count: int = 1) -> None:  # noqa: ARG002
        with self._lock:
            if self._stages:
                self._stages[-1].done += count
                self._draw(self._stages[-1])

    def detail(self, line: str) -> None:  # noqa: ARG002
        with self._lock:
            if self._stages:
                self._draw(self._stages[-1])

    def _draw(self, stage: _Stage) -> None:
        if time.monotonic() - stage.began < _WORTH_SHOWING:
            return
        # a terminal that is gone is no reason to stop working
        with suppress(OSError):
            bars = self._display()
            if stage.bar is None:
                stage.bar = bars.add_task(stage.name, total=stage.total)
            bars.update(stage.bar, completed=stage.done)
            bars.refresh()

    def _display(self) -> Bars:
        if self._bars is None:
            from rich.console import Console
            from rich.progress import Progress as Bars

            # without a thread of its own, which would forbid to fork
            self._bars = Bars(console=Console(stderr=True), transient=True, auto_refresh=False)
            # known before it starts, so that it is stopped whatever happens
            self._bars.start()
        return self._bars

    def _end(self, stage: _Stage) -> None:
        if stage in self._stages:
            self._stages.remove(stage)
        bars = self._bars
        if bars is None:
            return
        with suppress(OSError):
            if stage.bar is not None:
                bars.remove_task(stage.bar)
            if not self._stages:
                self._bars = None
                bars.stop()
