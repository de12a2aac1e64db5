"""Where the wheel cache lives, and how an entry appears in it whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from virtualenv_reflink.cache.errors import explained
from virtualenv_reflink.cache.modes import DIRECTORY, SMALL_FILE, open_to_readers
from virtualenv_reflink.cache.small_files import read_small
from virtualenv_reflink.cache.temporary import is_temporary as is_temporary_cache
from virtualenv_reflink.cache.temporary import temporary_wheel_cache
from virtualenv_reflink.cache.trust import check_inside, check_root
from virtualenv_reflink.errors import CacheLostError
from virtualenv_reflink.filesystem.atomic import atomic_write, atomic_write_unflushed
from virtualenv_reflink.filesystem.flush import flush_filesystem
from virtualenv_reflink.filesystem.subvolume import is_subvolume, unseal_subvolume
from virtualenv_reflink.filesystem.temporary import is_temporary

_Value = TypeVar("_Value")

_SECONDS_IN_SILENCE = 5.0
_VERSION = "v4"
_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This directory holds unpacked wheels that virtualenv-reflink can make again at any time.\n"
    b"# See https://bford.info/cachedir/\n"
)
# How often a directory may be taken away between being made and being renamed into.
_TRIES = 100


class Store:
    """The directory of the wheel cache: entries are directories with a file that describes them; notes are small files.

    Any number of threads and processes may use one at once.
    """

    def __init__(self, root: Path) -> None:
        """Take ``root`` as the cache without creating it.

        :raises CacheError: when another user owns it or others may write to it.
        """
        self._open(root)

    def retreat(self) -> None:
        """Go on beside the root, in a cache for this process alone: somebody deletes what is put into the root.

        :raises CacheError: when there can be none.
        """
        if not is_temporary_cache(self.root):
            told = f"the wheel cache {self.root} is deleted again and again, so a temporary one beside it is used"
            with explained(self.root):
                self._open(temporary_wheel_cache(told, beside=self.root))

    def path(self, *parts: str) -> Path:
        """Return the place of an entry or a note in the current layout."""
        return self.root.joinpath(_VERSION, *parts)

    def holds(self, entry: Path, description: str) -> bool:
        """Return whether ``entry`` is there, with the file that describes it.

        :raises CacheError: when others may write to it or to a directory above it.
        """
        return self.is_trusted(str(entry)) and (entry / description).is_file()

    def is_trusted(self, directory: str) -> bool:
        """Return whether a directory of the cache is there, with no other user who may write to it or to one above it.

        Each is looked at once.

        :raises CacheError: when others may write to one of them.
        """
        if directory not in self._trusted:
            above = os.path.dirname(directory)
            if above != self._root and not self.is_trusted(above):
                return False
            if not check_inside(self.root, directory):
                return False
            self._trusted.add(directory)
        return True

    def build(self, entry: Path, description: str, fill: Callable[[Path], None]) -> None:
        """Have ``fill`` make ``entry`` in an empty directory, unless it is there; publish it with one rename.

        Whoever wants the same entry waits for the first one. An entry survives a power cut whole or not at all. What is
        there without the file ``description`` was half deleted, and is replaced.

        :raises CacheLostError: when somebody takes away what is being made.
        :raises CacheError: when the cache cannot be written or its disk is full.
        """
        if self.holds(entry, description):
            return
        with explained(self.root), self._lock(entry):
            if not self.holds(entry, description):
                self._clear(entry)
                self._build_locked(entry, fill)

    def drop(self, entry: Path, is_unwanted: Callable[[], bool] = lambda: True) -> None:
        """Take ``entry`` out of the cache with one rename, then delete it; one that is not there is no error.

        ``is_unwanted`` is asked when nobody else can drop it any more: it may have been made again meanwhile.

        :raises CacheError: when the cache cannot be written.
        """
        with suppress(CacheLostError), explained(self.root), self._lock(entry):
            if is_unwanted():
                self._clear(entry)

    def read_note(self, kind: str, key: str, parse: Callable[[str], _Value]) -> _Value | None:
        """Return what ``parse`` makes of a note, or None where there is none or it is damaged.

        :raises CacheError: when others may write to the directory of the notes.
        """
        directory = self.path(kind)
        return read_small(directory / key, parse) if self.is_trusted(str(directory)) else None

    def has_note(self, kind: str, key: str) -> bool:
        """Return whether there is such a note, damaged or not."""
        return self.is_trusted(str(self.path(kind))) and os.path.lexists(self.path(kind, key))

    def notes(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield the key and the text of all notes of a kind that can be read."""
        if not self.is_trusted(str(self.path(kind))):
            return
        for name in os.listdir(self.path(kind)):
            text = None if is_temporary(name) else self.read_note(kind, name, str)
            if text is not None:
                yield name, text

    def write_note(self, kind: str, key: str, text: str) -> None:
        """Write a note whole or not at all; a cache that cannot be written merely forgets it."""
        with suppress(OSError):
            self._create()
            _make_directory(self.path(kind))
            atomic_write_unflushed(self.path(kind, key), text.encode("utf-8", "surrogateescape"), SMALL_FILE)

    def _open(self, root: Path) -> None:
        self.root = root
        self._root = str(root)
        self._trusted: set[str] = set()
        if check_root(root):
            self.is_trusted(str(self.path()))

    def _build_locked(self, entry: Path, fill: Callable[[Path], None]) -> None:
        staged = self._fresh_staging(entry)
        try:
            fill(staged)
            open_to_readers(staged)
            flush_filesystem(staged)
            self._publish(staged, entry)
        finally:
            _discard(staged)

    def _publish(self, staged: Path, entry: Path) -> None:
        """Rename what was built into place, where whoever drops a wheel may just have taken the directory away."""
        for _ in range(_TRIES):
            if entry.parent.parent != self.path():
                _make_directory(entry.parent.parent)
            _make_directory(entry.parent)
            try:
                staged.rename(entry)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
            return

    def _clear(self, entry: Path) -> None:
        """Take away what is at ``entry``, with its lock held."""
        if not os.path.lexists(entry):
            return
        doomed = self._fresh_staging(entry)
        with suppress(FileNotFoundError):
            entry.rename(doomed / entry.name)
        _discard(doomed)

    def _fresh_staging(self, entry: Path) -> Path:
        """Return a new directory that is private until it is finished.

        With the lock held, what killed builders of this entry left is garbage.
        """
        staging = self.path("staging")
        _make_directory(staging)
        prefix = f"{_flat_name(entry)}."
        for abandoned in staging.glob(f"{prefix}*"):
            _discard(abandoned)
        fresh = staging / f"{prefix}{os.urandom(8).hex()}"
        fresh.mkdir(mode=0o700)
        return fresh

    @contextmanager
    def _lock(self, entry: Path) -> Iterator[None]:
        """Hold a lock on ``entry``; one that another process holds for long is waited for, and told."""
        from filelock import FileLock, Timeout

        self._create()
        lock = FileLock(self.path("locks", f"{_flat_name(entry)}.lock"), mode=SMALL_FILE)
        try:
            lock.acquire(timeout=_SECONDS_IN_SILENCE)
        except Timeout:
            # what takes long may import logging
            import logging

            logging.getLogger(__name__).warning(
                "waiting for another process that makes %s in the wheel cache %s", _flat_name(entry), self.root
            )
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _create(self) -> None:
        """Make the root, with modes that no umask makes writable by others."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        _make_directory(self.root)
        tag = self.root / "CACHEDIR.TAG"
        if not tag.exists():
            atomic_write(tag, _TAG, SMALL_FILE)
        _make_directory(self.path())
        _make_directory(self.path("locks"))


def _make_directory(path: Path) -> None:
    with suppress(FileExistsError):
        os.mkdir(path, DIRECTORY)


def _discard(staged: Path) -> None:
    """Delete what was being built or is no longer wanted, of which parts may be sealed or read-only."""
    with suppress(OSError):
        for directory, _, _ in os.walk(staged):
            if is_subvolume(directory):
                with suppress(OSError):
                    unseal_subvolume(directory)
            os.chmod(directory, 0o755)
    shutil.rmtree(staged, ignore_errors=True)


def _flat_name(entry: Path) -> str:
    return f"{entry.parent.name}.{entry.name}"
