"""Take out of a cache what has not been used for long, and what nobody will ever use."""

from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.disk_usage import bytes_on_disk
from virtualenv_reflink.cache.inventory import Entry, places_of
from virtualenv_reflink.cache.kinds import NOTES, EntryKind, NoteKind
from virtualenv_reflink.cache.names import is_plain_path
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.filesystem.temporary import is_temporary

SECONDS_ALONE = 0.05
"""For how long those who install may be kept waiting at once, while entries are moved out of sight."""


class Limits(NamedTuple):
    """What may stay: what was used after ``since``, in seconds since the epoch, as far as it fits into ``bytes``.

    Where ``only_here`` is set, uses before the cache was restored from an archive count for nothing.
    """

    since: float
    bytes: int | None = None
    only_here: bool = False


class Removed(NamedTuple):
    """What was taken out: entries, and the bytes that leftovers of killed runs took."""

    entries: list[Entry]
    leftover_bytes: int


def choose(entries: Sequence[Entry], living: Collection[str], limits: Limits) -> list[Entry]:
    """Return the entries beyond the limits, least recently used first, without what those in ``living`` depend on.

    An entry counts as used when what depends on it was; it comes after all of that.
    """
    spared = closure(living, entries)
    last_used = {
        entry.place: entry.last_used if entry.used_here or not limits.only_here else -math.inf for entry in entries
    }
    # what depends on others comes behind them in an inventory
    behind_first = list(reversed(entries))
    for entry in behind_first:
        for needed in entry.needs & last_used.keys():
            last_used[needed] = max(last_used[needed], last_used[entry.place])
    total, chosen = sum(entry.bytes for entry in entries), []
    for entry in sorted(behind_first, key=lambda each: last_used[each.place]):
        is_beyond = last_used[entry.place] <= limits.since or (limits.bytes is not None and total > limits.bytes)
        if is_beyond and entry.place not in spared:
            chosen.append(entry)
            total -= entry.bytes
    return chosen


def closure(places: Collection[str], entries: Sequence[Entry]) -> set[str]:
    """Return ``places`` and all that entries in them depend on."""
    needs = {entry.place: entry.needs for entry in entries}
    found: set[str] = set()
    pending = list(places)
    while pending:
        place = pending.pop()
        if place not in found:
            found.add(place)
            pending += needs.get(place, ())
    return found


def dependents(places: Collection[str], entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries at ``places``, and those that depend on them, in the order of ``entries``."""
    found = set(places)
    # what depends on others comes behind them in an inventory
    for entry in entries:
        if not entry.needs.isdisjoint(found):
            found.add(entry.place)
    return [entry for entry in entries if entry.place in found]


class Pruning:
    """Takes things out of a cache that others may be using."""

    def __init__(
        self,
        store: Store,
        kinds: Sequence[EntryKind],
        living: Callable[[], Collection[str]],
        on_wait: Callable[[], None],
    ) -> None:
        """Take the cache, what tells the places that living environments need, and what is told if somebody uses it."""
        self._store = store
        self._kinds = kinds
        self._living = living
        self._on_wait = on_wait

    def remove(self, entries: Sequence[Entry]) -> list[Entry]:
        """Take ``entries`` out, but for what has come to be among the living meanwhile; return those taken.

        :raises CacheError: when the cache cannot be written.
        """
        pending, removed = list(entries), []
        while pending:
            doomed: list[Path] = []
            with self._store.alone(self._on_wait):
                spared = self._living()
                until = time.monotonic() + SECONDS_ALONE
                while pending and time.monotonic() < until:
                    entry = pending.pop(0)
                    if entry.place not in spared:
                        doomed += self._taken(entry.place, self._description(entry.kind))
                        removed.append(entry)
            for place in doomed:
                self._store.staging.discard(place)
        return removed

    def sweep(self, since: float) -> int:
        """Take out what killed runs have left, and notes of nothing; return how many bytes that were.

        Notes that are about no entry go when they were written before ``since``, in seconds since the epoch.

        :raises CacheError: when the cache cannot be written.
        """
        if not self._store.is_trusted(str(self._store.path())):
            return 0
        with self._store.alone(self._on_wait):
            doomed = [*self._store.staging.contents(), *self._half_deleted()]
            files = [*self._drafts(), *self._notes_of_nothing(since), *self._store.path("locks").glob("*.lock")]
            size = bytes_on_disk([*doomed, *files], set())
            for file in files:
                file.unlink(missing_ok=True)
            for directory in self._store.path("wheels").glob("*"):
                with suppress(OSError):
                    directory.rmdir()
        for place in doomed:
            self._store.staging.discard(place)
        return size

    def _taken(self, place: str, description: str) -> Iterator[Path]:
        """Move an entry out of sight; without room for that, make it one that is half deleted."""
        entry = self._store.path(place)
        try:
            yield self._store.staging.take(entry)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            (entry / description).unlink(missing_ok=True)
            self._store.staging.discard(entry)

    def _description(self, kind: str) -> str:
        return next(each.description for each in self._kinds if each.name == kind)

    def _half_deleted(self) -> Iterator[Path]:
        """Yield directories that were entries once, moved out of sight."""
        living = self._living()
        for kind in self._kinds:
            for place in places_of(self._store, kind):
                if place not in living and not self._store.holds(self._store.path(place), kind.description):
                    yield from self._taken(place, kind.description)

    def _drafts(self) -> Iterator[Path]:
        for directory in (self._store.root, *(self._store.path(kind.name) for kind in NOTES)):
            with suppress(FileNotFoundError):
                yield from (directory / name for name in os.listdir(directory) if is_temporary(name))

    def _notes_of_nothing(self, since: float) -> Iterator[Path]:
        for kind in NOTES:
            for note in self._store.note_files(kind.name):
                # a vanished one is none, and one that cannot be read tells nothing
                with suppress(OSError):
                    if self._is_of_nothing(kind, note, since):
                        yield note

    def _is_of_nothing(self, kind: NoteKind, note: Path, since: float) -> bool:
        if kind.about is None:
            return note.stat().st_mtime <= since
        about = kind.about(note.name, note.read_bytes().decode("ascii", "replace"))
        return not is_plain_path(about) or not os.path.lexists(self._store.path(about))
