"""Put the files of many directories into place, with a second process where that is faster."""

from __future__ import annotations

from collections.abc import Iterable

from virtualenv_reflink.placing.batches import Batch, place
from virtualenv_reflink.placing.helper import Helper, may_fork
from virtualenv_reflink.placing.linking import Linker
from virtualenv_reflink.progress import Progress

# Below this many files a second process costs more to start than it saves.
_FILES_FOR_TWO = 2000
# What must be planned before it starts: it then has enough to do until the rest is planned and placed.
_SHARED = 0.65


class Placing:
    """Puts files into place: the first part is shared with a forked process while the rest is still being planned.

    Leaving the context waits for all of them. Every file placed is appended to ``placed``, also when this fails.
    """

    def __init__(self, expected: int, linker: Linker, placed: list[str], progress: Progress) -> None:
        """Take the number of files to come, and the linker whose link mode is used."""
        forks = expected >= _FILES_FOR_TWO and may_fork()
        self._to_share = int(expected * _SHARED) if forks else None
        self._linker = linker
        self._placed = placed
        self._progress = progress
        self._batches: list[Batch] = []
        self._planned = 0
        self._helper: Helper | None = None

    def __enter__(self) -> Placing:
        return self

    def add(self, batches: Iterable[Batch]) -> None:
        """Take what has been planned: the directories are there, and the names are free."""
        for batch in batches:
            self._batches.append(batch)
            self._planned += len(batch.files)
            if self._to_share is not None and self._planned >= self._to_share:
                self._helper = Helper(self._batches, self._linker)
                self._batches, self._to_share = [], None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Place the rest, and what the other process does not get to.

        :raises OSError: for the first file that could not be placed.
        """
        try:
            if kind is None:
                with self._progress.stage("Placing files", self._planned):
                    self._place()
        finally:
            if self._helper is not None:
                self._placed += self._helper.stop()

    def _place(self) -> None:
        place(self._batches, self._placed, self._progress)
        if self._helper is None:
            return
        for share in self._helper.untaken():
            place(share, self._placed, self._progress)
        self._placed += self._helper.finish(self._linker)
        self._helper = None
