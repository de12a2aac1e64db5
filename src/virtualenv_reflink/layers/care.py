"""Care of a cache: what is in it, what living environments need of it, and what may go."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from virtualenv_reflink.cache.inventory import Entry, entries_of
from virtualenv_reflink.cache.pruning import Limits, Pruning, Removed, choose, dependents
from virtualenv_reflink.cache.verification import Damaged, damaged_entries
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.errors import CacheError
from virtualenv_reflink.layers.kind import ENTRIES
from virtualenv_reflink.layers.users import living_users
from virtualenv_reflink.progress import Progress


class Care:
    """Takes care of one cache, which others may be using."""

    def __init__(self, cache: WheelCache, on_wait: Callable[[], None] = lambda: None) -> None:
        """Take the cache, and what is told if somebody who uses it has to be waited for."""
        self._cache = cache
        self._on_wait = on_wait

    def entries(self) -> list[Entry]:
        """Return all entries of the cache, wheels first.

        :raises CacheError: when others may write to the cache.
        """
        return entries_of(self._cache.store, ENTRIES)

    def users(self) -> dict[str, list[Path]]:
        """Return the living environments that live on a layer, for the place of each layer that has some."""
        return {f"layers/{layer}": places for layer, places in living_users(self._cache).items()}

    def beyond(self, limits: Limits, entries: Sequence[Entry]) -> list[Entry]:
        """Return what of all ``entries`` :meth:`prune` would take out."""
        return choose(entries, self.users(), limits)

    def prune(self, limits: Limits, entries: Sequence[Entry]) -> Removed:
        """Take out what of all ``entries`` is beyond the limits and not needed by living environments; leftovers too.

        :raises CacheError: when the cache cannot be written.
        """
        pruning = self._pruning(self.users)
        return Removed(pruning.remove(self.beyond(limits, entries)), pruning.sweep(limits.since))

    def of_projects(self, projects: Collection[str], entries: Sequence[Entry]) -> list[Entry]:
        """Return what of all ``entries`` is of ``projects``, by their normalized names, with what depends on it.

        :raises CacheError: when the cache has nothing of one of them.
        """
        if unknown := sorted(set(projects) - {name for entry in entries for name in entry.projects}):
            raise CacheError(f"the wheel cache {self._cache.root} has nothing of {', '.join(unknown)}")
        own = [entry.place for entry in entries if not entry.projects.isdisjoint(projects)]
        return dependents(own, entries)

    def damaged(self, entries: Sequence[Entry], progress: Progress) -> list[Damaged]:
        """Return those of ``entries``, all of whose files are read, of which something is damaged."""
        return damaged_entries(self._cache.store, ENTRIES, entries, progress)

    def repair(self, damaged: Sequence[Damaged], entries: Sequence[Entry]) -> list[Entry]:
        """Take those of all ``entries`` out that are damaged, with the bytecode of wheels; return them.

        Their next use makes them again.

        :raises CacheError: when the cache cannot be written.
        """
        places = [each.entry.place for each in damaged]
        doomed = [each for each in dependents(places, entries) if each.kind != "layers" or each.place in places]
        return self._pruning(lambda: ()).remove(list(reversed(doomed)))

    def clean(self, entries: Sequence[Entry]) -> Removed:
        """Take ``entries`` out, whoever needs them, and what killed runs have left.

        :raises CacheError: when the cache cannot be written.
        """
        return self._cleaned(entries, -math.inf)

    def clean_all(self, entries: Sequence[Entry]) -> Removed:
        """Take all ``entries`` out, whoever needs them, and everything else that there is.

        :raises CacheError: when the cache cannot be written.
        """
        return self._cleaned(entries, math.inf)

    def _cleaned(self, entries: Sequence[Entry], notes_since: float) -> Removed:
        pruning = self._pruning(lambda: ())
        return Removed(pruning.remove(list(reversed(entries))), pruning.sweep(notes_since))

    def _pruning(self, living: Callable[[], Collection[str]]) -> Pruning:
        return Pruning(self._cache.store, ENTRIES, living, self._on_wait)
