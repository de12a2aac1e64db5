"""Where the wheel cache lives, and how an entry appears in it whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from virtualenv_reflink.errors import CacheError
from virtualenv_reflink.filesystem.flush import flush_filesystem
from virtualenv_reflink.filesystem.subvolume import is_subvolume, unseal_subvolume

_VERSION = "v3"
_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This directory holds unpacked wheels that virtualenv-reflink can make again at any time.\n"
    "# See https://bford.info/cachedir/\n"
)


class Store:
    """The directory of the wheel cache; ``path(...)`` names entries, ``build`` adds one."""

    def __init__(self, root: Path) -> None:
        """Take ``root`` as the cache without creating it.

        :raises CacheError: when another user owns it or others may write to it.
        """
        self.root = root
        self._check_trust()

    def path(self, *parts: str) -> Path:
        """Return the place of an entry in the current layout."""
        return self.root.joinpath(_VERSION, *parts)

    def build(self, entry: Path, fill: Callable[[Path], None]) -> None:
        """Have ``fill`` make ``entry`` in an empty directory, unless it is there; publish it with one rename.

        Processes that want the same entry wait for the first one. An entry survives a power cut whole or not at all.

        :raises CacheError: when the cache cannot be written or its disk is full.
        """
        if entry.is_dir():
            return
        with self._explained(), self._lock(entry):
            if not entry.is_dir():
                self._build_locked(entry, fill)

    def drop(self, entry: Path) -> None:
        """Take ``entry`` out of the cache with one rename, then delete it; one that is not there is no error.

        :raises CacheError: when the cache cannot be written.
        """
        with self._explained(), self._lock(entry):
            doomed = self._fresh_staging(entry)
            with suppress(FileNotFoundError):
                entry.rename(doomed / entry.name)
            _discard(doomed)

    def remember(self, path: Path, text: str) -> None:
        """Write a small file whole or not at all; a cache that cannot be written merely forgets it."""
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with suppress(OSError):
            self._create()
            path.parent.mkdir(exist_ok=True)
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)

    def _build_locked(self, entry: Path, fill: Callable[[Path], None]) -> None:
        staged = self._fresh_staging(entry)
        try:
            fill(staged)
            entry.parent.mkdir(parents=True, exist_ok=True)
            flush_filesystem(staged)
            try:
                staged.rename(entry)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
        finally:
            _discard(staged)

    def _fresh_staging(self, entry: Path) -> Path:
        """Return a new directory; with the lock held, what killed builders of this entry left is garbage."""
        from tempfile import mkdtemp

        staging = self.path("staging")
        staging.mkdir(parents=True, exist_ok=True)
        prefix = f"{_flat_name(entry)}."
        for abandoned in staging.glob(f"{prefix}*"):
            _discard(abandoned)
        return Path(mkdtemp(prefix=prefix, dir=staging))

    @contextmanager
    def _lock(self, entry: Path) -> Iterator[None]:
        from filelock import FileLock

        self._create()
        with FileLock(self.path("locks", f"{_flat_name(entry)}.lock")):
            yield

    def _create(self) -> None:
        """Make the root, with modes that no umask makes writable by others."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.mkdir(mode=0o755, exist_ok=True)
        tag = self.root / "CACHEDIR.TAG"
        if not tag.exists():
            tag.write_text(_TAG, encoding="utf-8")
        self.path().mkdir(mode=0o755, exist_ok=True)
        self.path("locks").mkdir(mode=0o755, exist_ok=True)

    def _check_trust(self) -> None:
        try:
            status = os.stat(self.root)
        except FileNotFoundError:
            return
        except OSError as error:
            raise CacheError(f"the wheel cache {self.root} cannot be read: {error.strerror}; {_ELSEWHERE}") from error
        if not stat.S_ISDIR(status.st_mode):
            raise CacheError(f"the wheel cache {self.root} is not a directory; {_ELSEWHERE}")
        if sys.platform == "win32":
            return
        if status.st_uid not in {os.geteuid(), 0}:
            raise CacheError(f"the wheel cache {self.root} belongs to another user (uid {status.st_uid}); {_ELSEWHERE}")
        if status.st_mode & stat.S_IWOTH:
            raise CacheError(
                f"the wheel cache {self.root} can be written by every user of this machine; "
                f"run chmod o-w on it, or {_ELSEWHERE}"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            advice = _FREE_SPACE if error.errno in {errno.ENOSPC, errno.EDQUOT} else _ELSEWHERE
            raise CacheError(f"the wheel cache {self.root} cannot be written: {reason}; {advice}") from error


_ELSEWHERE = "choose another with --wheel-cache"
_FREE_SPACE = "free some space or choose another with --wheel-cache"


def _discard(staged: Path) -> None:
    """Delete what was being built, which may have been sealed already."""
    with suppress(OSError):
        for path in staged.iterdir():
            if is_subvolume(str(path)):
                unseal_subvolume(str(path))
        for directory, _, _ in os.walk(staged):
            os.chmod(directory, 0o755)
    shutil.rmtree(staged, ignore_errors=True)


def _flat_name(entry: Path) -> str:
    return f"{entry.parent.name}.{entry.name}"
