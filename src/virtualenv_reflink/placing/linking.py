"""The link mode: how the files of the cache reach an environment."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import NamedTuple

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.filesystem.copying import copy_file
from virtualenv_reflink.filesystem.probe import why_not_clone, why_not_link
from virtualenv_reflink.filesystem.reflink import CannotCloneError, Duplicate, clone_files
from virtualenv_reflink.filesystem.umask import current_umask

LINK_MODES = ("auto", "clone", "snapshot", "layer", "copy", "hardlink")

# The link modes that put all packages of an environment into place at once.
LAYER_MODES = ("snapshot", "layer")

# The link modes whose environments share inodes with the cache.
LINKING_MODES = ("layer", "hardlink")

Place = Callable[["list[Duplicate]", "list[str]"], None]
"""Make files, and append the path of each to a list when it is there."""


class Refusals(NamedTuple):
    """How many single files refused a proven link mode and were copied, and the reason of the last one."""

    number: int
    reason: str | None


class Linker:
    """Puts files into place in one link mode, and knows which one that really was.

    Chosen once for each pair of source and target filesystem, by trial:

        auto      -> clone, where a trial clone succeeds; else copy, with the reason
        clone     -> clone, where a trial clone succeeds; else an error
        hardlink  -> hardlink, where a trial link succeeds; else an error
        copy      -> copy
        layer     -> hardlink, where a trial link succeeds; else as auto (for files outside of site-packages)
        snapshot  -> as auto (for the same)

    Once a mode is proven, a single file that refuses it is copied and counted.
    """

    def __init__(self, requested: str) -> None:
        """Take one of :data:`LINK_MODES`.

        :raises LinkModeError: for anything else.
        """
        if requested not in LINK_MODES:
            raise LinkModeError(f"there is no link mode {requested!r}; choose from {', '.join(LINK_MODES)}")
        self.requested = requested
        self.refusals = Refusals(0, None)
        self._chosen: dict[tuple[int, int], Place] = {}
        self._used: dict[str, None] = {}
        self._fallback_reasons: list[str] = []
        self._umask = current_umask()
        self._whole = False

    def between(self, source_file: str, target_directory: str) -> Place:
        """Return the function that puts files like ``source_file`` into ``target_directory``.

        :raises LinkModeError: when the link mode asked for is impossible there.
        """
        pair = os.stat(source_file).st_dev, os.stat(target_directory).st_dev
        if pair not in self._chosen:
            self._chosen[pair] = self._choose(source_file, target_directory)
        return self._chosen[pair]

    def add_refusals(self, refusals: Refusals) -> None:
        """Count what was refused, here or in another process that placed files with a copy of this linker."""
        self.refusals = Refusals(self.refusals.number + refusals.number, refusals.reason or self.refusals.reason)

    def put_whole(self) -> None:
        """Note that all of site-packages was put into place at once, as asked for."""
        self._whole = True

    def fall_back(self, reason: str) -> None:
        """Note why files are put into place one by one although more was asked for."""
        self._fallback_reasons.append(reason)

    def __str__(self) -> str:
        """Tell the mode used, and why when it is not the one asked for: ``copy: ext4 has no reflinks``."""
        if self._whole:
            return self.requested
        mode = " and ".join(self._used) or self.requested
        if self.refusals.number:
            mode = f"{mode}, {self.refusals.number} files copied"
        reasons = [*self._fallback_reasons, *filter(None, [self.refusals.reason])]
        return f"{mode}: {', '.join(reasons)}" if reasons else mode

    def _choose(self, source_file: str, target_directory: str) -> Place:
        if self.requested == "copy":
            return self._use("copy", self._copy)
        if self.requested == "hardlink":
            self._insist(why_not_link(source_file, target_directory))
            return self._use("hardlink", self._link)
        if self.requested == "layer" and why_not_link(source_file, target_directory) is None:
            return self._use("hardlink", self._link)
        reason = why_not_clone(source_file, target_directory)
        if self.requested == "clone":
            self._insist(reason)
        if reason is None:
            return self._use("clone", self._clone)
        self._fallback_reasons.append(reason)
        return self._use("copy", self._copy)

    def _use(self, mode: str, place: Place) -> Place:
        self._used[mode] = None
        return place

    def _insist(self, reason: str | None) -> None:
        if reason is not None:
            raise LinkModeError(
                f"--link-mode {self.requested} is impossible here: {reason}; "
                "use --link-mode auto, or keep --wheel-cache and the environment on one filesystem that can"
            )

    def _clone(self, files: list[Duplicate], done: list[str]) -> None:
        before = len(done)
        try:
            clone_files(files, done)
        except CannotCloneError as error:
            self._refuse(error)
            refused = len(done) - before
            self._copy(files[refused : refused + 1], done)
            self._clone(files[refused + 1 :], done)
        self._let_all_execute(files)

    def _link(self, files: list[Duplicate], done: list[str]) -> None:
        for file in files:
            source, target, _, _ = file
            try:
                os.link(source, target)
            except OSError as error:
                if error.errno not in {errno.EMLINK, errno.EXDEV, errno.EPERM}:
                    raise
                self._refuse(error)
                self._copy([file], done)
            else:
                done.append(target)

    def _copy(self, files: list[Duplicate], done: list[str]) -> None:
        for file in files:
            copy_file(*file)
            done.append(file[1])
        self._let_all_execute(files)

    def _let_all_execute(self, files: list[Duplicate]) -> None:
        """Add the executable bits that the umask took, as pip does."""
        if self._umask & 0o111:
            for _, target, mode, _ in files:
                if mode & 0o111:
                    os.chmod(target, mode & ~self._umask | 0o111)

    def _refuse(self, error: OSError) -> None:
        self.add_refusals(Refusals(1, f"they refused with {error.strerror!r}"))
