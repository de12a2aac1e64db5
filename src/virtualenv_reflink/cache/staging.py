"""Where entries of the cache are made, and where they are deleted: out of everybody's sight."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.cache.last_use import now_used
from virtualenv_reflink.cache.modes import make_directory, open_to_readers
from virtualenv_reflink.filesystem.flush import flush_filesystem
from virtualenv_reflink.filesystem.interrupts import interrupts_put_off
from virtualenv_reflink.filesystem.subvolume import is_subvolume, unseal_subvolume

# How often a directory may be taken away between being made and being renamed into.
_TRIES = 100


class Staging:
    """A directory of private directories, on the filesystem of the cache."""

    def __init__(self, directory: Path) -> None:
        """Take a directory that need not exist yet."""
        self._directory = directory

    def build(self, entry: Path, fill: Callable[[Path], None]) -> None:
        """Have ``fill`` make ``entry`` in a new directory, write it out to the disk, and publish it with one rename.

        What ``fill`` leaves there has its final modes.
        Its lock is held; what is there already stays.

        :raises OSError: when that fails.
        """
        staged = self.fresh(entry)
        try:
            fill(staged)
            open_to_readers(staged)
            flush_filesystem(staged)
            self._publish(staged, entry)
        finally:
            self.discard(staged)

    def fresh(self, entry: Path) -> Path:
        """Return a new directory that is private until it is finished.

        With the lock of ``entry`` held, what killed builders of it left is garbage.

        :raises OSError: when it cannot be made.
        """
        make_directory(self._directory)
        prefix = f"{self.flat_name(entry)}."
        for abandoned in self._directory.glob(f"{prefix}*"):
            self.discard(abandoned)
        fresh = self._directory / f"{prefix}{os.urandom(8).hex()}"
        fresh.mkdir(mode=0o700)
        return fresh

    def take(self, entry: Path) -> Path:
        """Take what is at ``entry`` out of sight, and return where it is now, to be discarded.

        :raises OSError: when there is nothing, or it cannot be moved.
        """
        doomed = self.fresh(entry)
        try:
            entry.rename(doomed / entry.name)
        except OSError:
            self.discard(doomed)
            raise
        return doomed

    def _publish(self, staged: Path, entry: Path) -> None:
        """Rename what was built into place, where whoever drops a wheel may just have taken the directory away."""
        for _ in range(_TRIES):
            if entry.parent.parent != self._directory.parent:
                make_directory(entry.parent.parent)
            make_directory(entry.parent)
            now_used(staged)
            try:
                staged.rename(entry)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
            return

    def contents(self) -> Iterator[Path]:
        """Yield what is there: if nobody else uses the cache, what killed processes have left."""
        with suppress(FileNotFoundError):
            yield from self._directory.iterdir()

    @staticmethod
    def discard(staged: Path) -> None:
        """Delete what was being built or is no longer wanted, of which parts may be sealed or read-only.

        A signal that asks the process to end is answered afterwards.
        """
        with interrupts_put_off():
            with suppress(OSError):
                for directory, _, _ in os.walk(staged):
                    if is_subvolume(directory):
                        with suppress(OSError):
                            unseal_subvolume(directory)
                    os.chmod(directory, 0o755)
            shutil.rmtree(staged, ignore_errors=True)

    @staticmethod
    def flat_name(entry: Path) -> str:
        """Return a file name for an entry."""
        return f"{entry.parent.name}.{entry.name}"
