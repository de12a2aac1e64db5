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

    def beyond(self, limits: Limits) -> list[Entry]:
        """Return what :meth:`prune` would take out."""
        return choose(self.entries(), self.users(), limits)

    def prune(self, limits: Limits) -> Removed:
        """Take out what is beyond the limits and no living environment needs, and what killed runs have left.

        :raises CacheError: when the cache cannot be written.
        """
        pruning = self._pruning(self.users)
        return Removed(pruning.remove(self.beyond(limits)), pruning.sweep(limits.since))

    def of_projects(self, projects: Collection[str]) -> list[Entry]:
        """Return what is of ``projects``, by their normalized names, with what depends on it.

        :raises CacheError: when the cache has nothing of one of them.
        """
        entries = self.entries()
        if unknown := sorted(set(projects) - {name for entry in entries for name in entry.projects}):
            raise CacheError(f"the wheel cache {self._cache.root} has nothing of {', '.join(unknown)}")
        own = [entry.place for entry in entries if not entry.projects.isdisjoint(projects)]
        return dependents(own, entries)

    def damaged(self, progress: Progress) -> list[Damaged]:
        """Return the entries of which something is damaged, all of whose files are read.

        :raises CacheError: when others may write to the cache.
        """
        return damaged_entries(self._cache.store, ENTRIES, self.entries(), progress)

    def repair(self, damaged: Sequence[Damaged]) -> list[Entry]:
        """Take damaged entries out, with the bytecode of wheels, so that their next use makes them again; return them.

        :raises CacheError: when the cache cannot be written.
        """
        places = [each.entry.place for each in damaged]
        doomed = [each for each in dependents(places, self.entries()) if each.kind != "layers" or each.place in places]
        return self._pruning(lambda: ()).remove(list(reversed(doomed)))

    def clean(self, entries: Collection[Entry]) -> Removed:
        """Take ``entries`` out, whoever needs them, and what killed runs have left.

        :raises CacheError: when the cache cannot be written.
        """
        pruning = self._pruning(lambda: ())
        return Removed(pruning.remove(list(reversed(list(entries)))), pruning.sweep(-math.inf))

    def clean_all(self) -> Removed:
        """Take everything out, whoever needs it.

        :raises CacheError: when the cache cannot be written.
        """
        pruning = self._pruning(lambda: ())
        return Removed(pruning.remove(list(reversed(self.entries()))), pruning.sweep(math.inf))

    def _pruning(self, living: Callable[[], Collection[str]]) -> Pruning:
        return Pruning(self._cache.store, ENTRIES, living, self._on_wait)
