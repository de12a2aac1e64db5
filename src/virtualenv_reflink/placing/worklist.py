"""The files of many directories, placed with the help of a second process where that is faster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from virtualenv_reflink.filesystem.interrupts import interrupts_put_off
from virtualenv_reflink.placing.batches import Batch, place
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.progress import Progress

if TYPE_CHECKING:
    from virtualenv_reflink.placing.helper import Helper

# Below this many files a second process costs more to start than it saves.
_FILES_FOR_TWO = 2000
# What must be planned before it starts: it then has enough to do until the rest is planned and placed.
_SHARED = 0.65


class Worklist:
    """Takes files while they are planned; the first part is shared with a second process meanwhile.

    Leaving the context places all that is left, or stops the second process if there was an error.
    """

    def __init__(self, expected: int, placer: Placer, progress: Progress) -> None:
        """Take the number of files to come, and what places them."""
        self._to_share = int(expected * _SHARED) if expected >= _FILES_FOR_TWO else None
        self._placer = placer
        self._progress = progress
        self._batches: list[Batch] = []
        self._planned = 0
        self._helper: Helper | None = None

    def __enter__(self) -> Worklist:
        return self

    def add(self, batches: Iterable[Batch]) -> None:
        """Take what has been planned: the directories exist, and the names are free."""
        for batch in batches:
            self._batches.append(batch)
            self._planned += len(batch.files)
            if self._to_share is not None and self._planned >= self._to_share:
                self._to_share = None
                # a lazy boundary: few environments have that many files
                from virtualenv_reflink.placing.helper import start_helper

                with interrupts_put_off():
                    self._helper = start_helper(self._batches, self._placer)
                if self._helper is not None:
                    self._batches = []

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Place what is left.

        :raises OSError: for the first file that could not be placed.
        """
        try:
            if kind is None:
                with self._progress.stage("Placing files", self._planned):
                    self._place()
        finally:
            if self._helper is not None:
                self._helper.stop()

    def _place(self) -> None:
        place(self._batches, self._placer, self._progress)
        if self._helper is not None:
            for share in self._helper.untaken():
                place(share, self._placer, self._progress)
            self._placer.refusals += self._helper.finish()
