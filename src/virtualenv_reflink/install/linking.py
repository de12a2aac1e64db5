"""The link mode: how the files of the cache reach an environment."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.filesystem.copying import copy_file
from virtualenv_reflink.filesystem.probe import why_not_clone, why_not_link
from virtualenv_reflink.filesystem.reflink import CannotCloneError, clone_file

LINK_MODES = ("auto", "clone", "copy", "hardlink")

Place = Callable[[str, str, int, "int | None"], None]
"""Put a source at a target with a mode (under the umask) and an mtime in nanoseconds."""


class Linker:
    """Puts files into place in one link mode, and knows which one that really was.

    Chosen once for each pair of source and target filesystem, by trial:

        auto      -> clone, where a trial clone succeeds; else copy, with the reason
        clone     -> clone, where a trial clone succeeds; else an error
        hardlink  -> hardlink, where a trial link succeeds; else an error
        copy      -> copy

    Once a mode is proven, a single file that refuses it is copied and counted.
    """

    def __init__(self, requested: str) -> None:
        """Take one of :data:`LINK_MODES`.

        :raises LinkModeError: for anything else.
        """
        if requested not in LINK_MODES:
            raise LinkModeError(f"there is no link mode {requested!r}; choose from {', '.join(LINK_MODES)}")
        self.requested = requested
        self._chosen: dict[tuple[int, int], Place] = {}
        self._used: dict[str, None] = {}
        self._fallback_reason: str | None = None
        self._refused = 0

    def between(self, source_file: str, target_directory: str) -> Place:
        """Return the function that puts files like ``source_file`` into ``target_directory``.

        :raises LinkModeError: when the link mode asked for is impossible there.
        """
        pair = os.stat(source_file).st_dev, os.stat(target_directory).st_dev
        if pair not in self._chosen:
            self._chosen[pair] = self._choose(source_file, target_directory)
        return self._chosen[pair]

    def __str__(self) -> str:
        """Tell the mode used, and why when it is not the one asked for: ``copy: ext4 has no reflinks``."""
        mode = " and ".join(self._used) or self.requested
        if self._refused:
            mode = f"{mode}, {self._refused} files copied"
        return f"{mode}: {self._fallback_reason}" if self._fallback_reason else mode

    def _choose(self, source_file: str, target_directory: str) -> Place:
        if self.requested == "copy":
            return self._use("copy", copy_file)
        if self.requested == "hardlink":
            self._insist(why_not_link(source_file, target_directory))
            return self._use("hardlink", self._link_or_copy)
        reason = why_not_clone(source_file, target_directory)
        if self.requested == "clone":
            self._insist(reason)
        if reason is None:
            return self._use("clone", self._clone_or_copy)
        self._fallback_reason = reason
        return self._use("copy", copy_file)

    def _use(self, mode: str, place: Place) -> Place:
        self._used[mode] = None
        return place

    def _insist(self, reason: str | None) -> None:
        if reason is not None:
            raise LinkModeError(
                f"--link-mode {self.requested} is impossible here: {reason}; "
                "use --link-mode auto, or keep --wheel-cache and the environment on one filesystem that can"
            )

    def _clone_or_copy(self, source: str, target: str, mode: int, mtime_ns: int | None) -> None:
        try:
            clone_file(source, target, mode, mtime_ns)
        except CannotCloneError as error:
            self._refuse(error)
            copy_file(source, target, mode, mtime_ns)

    def _link_or_copy(self, source: str, target: str, mode: int, mtime_ns: int | None) -> None:
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in {errno.EMLINK, errno.EXDEV, errno.EPERM}:
                raise
            self._refuse(error)
            copy_file(source, target, mode, mtime_ns)

    def _refuse(self, error: OSError) -> None:
        self._refused += 1
        self._fallback_reason = f"they refused with {error.strerror!r}"
