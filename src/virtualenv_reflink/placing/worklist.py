"""The files of many directories, placed while more of them are planned where the native core can do that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from virtualenv_reflink.placing.batches import place
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.progress import Progress

if TYPE_CHECKING:
    from virtualenv_reflink.placing.files import Files
    from virtualenv_reflink.placing.threads import Threads


class Worklist:
    """Takes files while they are planned.

    Leaving the context waits until all are placed, or stops placing them if there was an error.
    """

    def __init__(self, placer: Placer, progress: Progress) -> None:
        """Take what places files."""
        self._placer = placer
        self._progress = progress
        self._threads: Threads | None = None
        self._left: list[Files] = []
        self._planned = 0

    def __enter__(self) -> Worklist:
        return self

    def add(self, batches: Iterable[Files]) -> None:
        """Take what has been planned: the directories exist, and the names are free."""
        for batch in batches:
            if not self._planned:
                # a lazy boundary: an environment may be made without any file of its own
                from virtualenv_reflink.placing.threads import start_threads

                self._threads = start_threads()
            self._planned += batch.number
            operation = batch.mode.native
            if self._threads is None or operation is None:
                self._left.append(batch)
            else:
                self._threads.submit(batch, operation)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Place what is left.

        :raises OSError: for the first file that could not be placed.
        """
        try:
            if kind is None:
                with self._progress.stage("Placing files", self._planned):
                    self._place()
        finally:
            if self._threads is not None:
                self._threads.stop()

    def _place(self) -> None:
        place(self._left, self._placer, self._progress)
        if self._threads is not None:
            self._placer.refusals += self._threads.finish(self._progress)
