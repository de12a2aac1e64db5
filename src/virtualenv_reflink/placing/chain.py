"""The first link mode of a chain that works between two filesystems."""

from __future__ import annotations

import os
from collections.abc import Sequence

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.filesystem.source import source_error
from virtualenv_reflink.placing.mode import FileMode


class Chain:
    """Link modes, of which the first that is possible is found out once for each two filesystems.

    Where all are impossible it goes on with another chain; one without is a demand.
    """

    def __init__(self, modes: Sequence[FileMode], otherwise: Chain | None = None) -> None:
        self._modes = modes
        self._otherwise = otherwise
        self._chosen: dict[tuple[int, int], FileMode] = {}
        self._reasons: dict[str, None] = {}

    @property
    def used(self) -> list[str]:
        """The names of the modes that were chosen."""
        return list(dict.fromkeys(mode.name for mode in self._chosen.values()))

    @property
    def reasons(self) -> list[str]:
        """Why others were not."""
        return list(self._reasons)

    def between(self, source_file: str, target_directory: str) -> FileMode:
        """Return the mode for files like ``source_file`` in ``target_directory``.

        :raises SourceError: when there is no such file.
        :raises LinkModeError: when every mode is impossible there.
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

    def _choose(self, source_file: str, target_directory: str) -> FileMode:
        reasons: list[str] = []
        for mode in self._modes:
            reason = mode.why_not(source_file, target_directory)
            if reason is None:
                self._reasons.update(dict.fromkeys(reasons))
                return mode
            reasons.append(reason)
        if self._otherwise is not None:
            self._reasons.update(dict.fromkeys(reasons))
            return self._otherwise.between(source_file, target_directory)
        raise LinkModeError(
            f"--link-mode {self._modes[0].name} is impossible here: {reasons[0]}; "
            "use --link-mode auto, or keep --wheel-cache and the environment on one filesystem that can"
        )
