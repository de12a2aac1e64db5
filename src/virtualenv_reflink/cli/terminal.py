"""Progress on a terminal, explanations where they are asked for, and silence elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from virtualenv_reflink.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


_WORTH_SHOWING = 0.3


def progress(*, verbose: bool, quiet: bool) -> Progress:
    """Return who hears of long work."""
    if verbose:
        return _Explaining()
    if quiet or not sys.stderr.isatty():
        return Progress()
    return _OnTerminal()


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


class _OnTerminal(Progress):
    """Draws a bar for the present stage, once that has taken long enough to be worth it."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._stage = ("", 0.0)
        self._total: int | None = None
        self._done = 0

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[None]:
        self._stage, self._total, self._done = (name, time.monotonic()), total, 0
        try:
            yield
        finally:
            if self._bars is not None:
                self._bars.stop()
            self._bars = self._task = None

    def step(self, what: str, count: int = 1) -> None:  # noqa: ARG002
        self._done += count
        self._draw()

    def detail(self, line: str) -> None:  # noqa: ARG002
        self._draw()

    def _draw(self) -> None:
        name, since = self._stage
        if time.monotonic() - since < _WORTH_SHOWING:
            return
        if self._bars is None:
            self._bars = self._begin()
            self._task = self._bars.add_task(name, total=self._total)
        assert self._task is not None
        self._bars.update(self._task, completed=self._done)
        self._bars.refresh()

    def _begin(self) -> Bars:
        from rich.console import Console
        from rich.progress import Progress as Bars

        # without a thread of its own, which would forbid to fork
        bars = Bars(console=Console(stderr=True), transient=True, auto_refresh=False)
        bars.start()
        return bars
