"""Where the wheel cache lives, and how an entry appears in it whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from virtualenv_reflink.cache.errors import explained
from virtualenv_reflink.cache.hold import Hold
from virtualenv_reflink.cache.last_use import is_noted, now_used
from virtualenv_reflink.cache.layout import Layout
from virtualenv_reflink.cache.modes import SMALL_FILE, make_directory
from virtualenv_reflink.cache.small_files import read_small
from virtualenv_reflink.cache.temporary import is_temporary as is_temporary_cache
from virtualenv_reflink.cache.temporary import temporary_wheel_cache
from virtualenv_reflink.errors import CacheLostError
from virtualenv_reflink.filesystem.atomic import atomic_write, atomic_write_unflushed
from virtualenv_reflink.filesystem.temporary import is_temporary

if TYPE_CHECKING:
    from virtualenv_reflink.cache.staging import Staging

_Value = TypeVar("_Value")

_SECONDS_IN_SILENCE = 5.0
_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This directory holds unpacked wheels that virtualenv-reflink can make again at any time.\n"
    b"# See https://bford.info/cachedir/\n"
)


class Store(Layout):
    """The directory of the wheel cache: entries are directories with a file that describes them; notes are small files.

    Any number of threads and processes may use one at once. As long as this object is there, nobody prunes the cache.
    """

    def __init__(self, root: Path) -> None:
        """Take ``root`` as the cache without creating it.

        :raises CacheError: when another user owns it or others may write to it.
        """
        self._open(root)

    def _open(self, root: Path) -> None:
        super().__init__(root)
        self._hold: Hold | None = None
        if self.exists:
            self._keep()

    def retreat(self) -> None:
        """Go on beside the root, in a cache for this process alone: somebody deletes what is put into the root.

        :raises CacheError: when there can be none.
        """
        if not is_temporary_cache(self.root):
            told = f"the wheel cache {self.root} is deleted again and again, so a temporary one beside it is used"
            with explained(self.root):
                self._open(temporary_wheel_cache(told, beside=self.root))
            self.__dict__.pop("staging", None)

    @cached_property
    def staging(self) -> Staging:
        """Where entries are made, and from where they are deleted."""
        # a lazy boundary: what is there already is neither
        from virtualenv_reflink.cache.staging import Staging

        return Staging(self.path("staging"))

    def note_use(self, entry: Path) -> None:
        """Have the mtime of an entry that was found tell when it was last used, to the day."""
        status = self._trusted.get(str(entry))
        if status and not is_noted(status, time.time_ns()):
            now_used(entry)

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
                self.staging.build(entry, fill)

    def drop(self, entry: Path, is_unwanted: Callable[[], bool] = lambda: True) -> None:
        """Take ``entry`` out of the cache with one rename, then delete it; one that is not there is no error.

        ``is_unwanted`` is asked when nobody else can drop it any more: it may have been made again meanwhile.

        :raises CacheError: when the cache cannot be written.
        """
        with suppress(CacheLostError), explained(self.root), self._lock(entry):
            if is_unwanted():
                self._clear(entry)

    @contextmanager
    def alone(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Let no other process use the cache for a moment; ``on_wait`` is told that one does, and is waited for.

        :raises CacheError: when the cache turns out not to be writable meanwhile.
        """
        with explained(self.root), self._hold.alone(on_wait) if self._hold else nullcontext():
            yield

    def read_note(self, kind: str, key: str, parse: Callable[[str], _Value]) -> _Value | None:
        """Return what ``parse`` makes of a note, or None where there is none or it is damaged.

        :raises CacheError: when others may write to the directory of the notes.
        """
        directory = self.path(kind)
        return read_small(directory / key, parse) if self.is_trusted(str(directory)) else None

    def note_names(self, kind: str) -> list[str]:
        """Return the keys of the notes of a kind, damaged or not.

        :raises CacheError: when others may write to the directory of the notes.
        """
        directory = str(self.path(kind))
        if not self.is_trusted(directory):
            return []
        # somebody may just have deleted it
        with suppress(FileNotFoundError), os.scandir(directory) as found:
            # all else is others', and a named pipe would be waited for
            return [each.name for each in found if each.is_file(follow_symlinks=False) and not is_temporary(each.name)]
        return []

    def note_files(self, kind: str) -> list[Path]:
        """Return where the notes of a kind are; the key of each is its name."""
        directory = self.path(kind)
        return [directory / name for name in self.note_names(kind)]

    def has_recent_note(self, kind: str, key: str, seconds: float) -> bool:
        """Return whether such a note was written at most so many seconds ago."""
        with suppress(OSError):
            return 0 <= time.time() - os.stat(self.path(kind, key)).st_mtime <= seconds
        return False

    def write_note(self, kind: str, key: str, text: str) -> None:
        """Write a note whole or not at all; a cache that cannot be written merely forgets it."""
        with suppress(OSError):
            content = text.encode("utf-8", "surrogateescape")
            atomic_write_unflushed(self.directory_of_notes(kind) / key, content, SMALL_FILE)

    def directory_of_notes(self, kind: str) -> Path:
        """Return the directory of the notes of a kind, which is made if there is none.

        :raises OSError: when it cannot be made.
        """
        self._create()
        directory = self.path(kind)
        make_directory(directory)
        return directory

    def _clear(self, entry: Path) -> None:
        """Take away what is at ``entry``, with its lock held."""
        if os.path.lexists(entry):
            with suppress(FileNotFoundError):
                self.staging.discard(self.staging.take(entry))

    @contextmanager
    def _lock(self, entry: Path) -> Iterator[None]:
        """Hold a lock on ``entry``; one that another process holds for long is waited for, and told."""
        from filelock import FileLock, Timeout

        self._create()
        lock = FileLock(self.path("locks", f"{self.staging.flat_name(entry)}.lock"), mode=SMALL_FILE)
        try:
            lock.acquire(timeout=_SECONDS_IN_SILENCE)
        except Timeout:
            # what takes long may import logging
            import logging

            logging.getLogger(__name__).warning(
                "waiting for another process that makes %s in the wheel cache %s",
                self.staging.flat_name(entry),
                self.root,
            )
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _create(self) -> None:
        """Make the root, with modes that no umask makes writable by others."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        make_directory(self.root)
        tag = self.root / "CACHEDIR.TAG"
        if not tag.exists():
            atomic_write(tag, _TAG, SMALL_FILE)
        make_directory(self.path())
        make_directory(self.path("locks"))
        if self._hold is None:
            self._keep()

    def _keep(self) -> None:
        """Hold the cache; one that cannot be opened cannot be used either, which is told when that is tried."""
        with suppress(OSError):
            self._hold = Hold(str(self.path()))
