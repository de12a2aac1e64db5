"""The first link mode of a chain that works between two filesystems."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.filesystem.source import source_error
from virtualenv_reflink.placing.mode import FileMode
from virtualenv_reflink.placing.outcome import Outcome


class Refusals(NamedTuple):
    """How many single files refused a link mode that had been tried, and why the last of them did."""

    number: int = 0
    reason: str | None = None

    def __add__(self, other: "Refusals") -> "Refusals":  # type: ignore[override]
        return Refusals(self.number + other.number, other.reason or self.reason)


class Placer:
    """Puts files into place by the first mode of a chain that is possible, found out once for each two filesystems.

    A chain of one is a demand: where that mode is impossible, nothing is placed. A single file that refuses a mode that
    had been tried is copied and counted.
    """

    def __init__(self, chain: Sequence[type[FileMode]]) -> None:
        umask = current_umask()
        self._chain = [mode(umask) for mode in chain]
        self._chosen: dict[tuple[int, int], FileMode] = {}
        self._reasons: dict[str, None] = {}
        self.refusals = Refusals()

    def between(self, source_file: str, target_directory: str) -> FileMode:
        """Return the mode for files like ``source_file`` in ``target_directory``.

        :raises SourceError: when there is no such file.
        :raises LinkModeError: when every mode of the chain is impossible there.
        :raises OSError: when the trial fails for a reason that every mode would meet, such as a full disk.
        """
        try:
            source_device = os.stat(source_file).st_dev
        except OSError as error:
            raise source_error(error, source_file) from error
        pair = source_device, os.stat(target_directory).st_dev
        if pair not in self._chosen:
            self._chosen[pair] = self._choose(source_file, target_directory)
        return self._chosen[pair]

    def place(self, mode: FileMode, files: Sequence[Duplicate]) -> None:
        """Put files into place.

        :raises OSError: for the first file that cannot be placed.
        """
        for error in mode.place(files):
            self.refusals += Refusals(1, f"they refused with {error.strerror!r}")

    @property
    def outcome(self) -> Outcome:
        """What was done so far."""
        used = dict.fromkeys(mode.name for mode in self._chosen.values())
        mode = " and ".join(used or [self._chain[0].name])
        refused = [self.refusals.reason] if self.refusals.reason else []
        return Outcome(mode, self.refusals.number, (*self._reasons, *refused))

    def _choose(self, source_file: str, target_directory: str) -> FileMode:
        reasons: list[str] = []
        for mode in self._chain:
            reason = mode.why_not(source_file, target_directory)
            if reason is None:
                self._reasons.update(dict.fromkeys(reasons))
                return mode
            reasons.append(reason)
        raise LinkModeError(
            f"--link-mode {self._chain[0].name} is impossible here: {reasons[0]}; "
            "use --link-mode auto, or keep --wheel-cache and the environment on one filesystem that can"
        )
