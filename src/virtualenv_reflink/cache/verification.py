"""Compare all entries of a cache with what they were when they were made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from virtualenv_reflink.cache.damage import Damage
from virtualenv_reflink.cache.inventory import Entry
from virtualenv_reflink.cache.kinds import EntryKind
from virtualenv_reflink.cache.manifest import DamagedError
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.progress import Progress


class Damaged(NamedTuple):
    """An entry, and what of it is damaged."""

    entry: Entry
    damage: list[Damage]


def damaged_entries(
    store: Store, kinds: Sequence[EntryKind], entries: Sequence[Entry], progress: Progress
) -> list[Damaged]:
    """Return the damaged ones of ``entries``; files are read in parallel, and what vanishes meanwhile is whole."""
    by_name = {kind.name: kind for kind in kinds}

    def verified(entry: Entry) -> Damaged:
        try:
            found = list(by_name[entry.kind].damage(store, entry.place))
        except DamagedError:
            found = [Damage(by_name[entry.kind].description, "it cannot be read")]
        except FileNotFoundError:
            found = []
        progress.step(entry.label)
        return Damaged(entry, found)

    with progress.stage("Verifying", len(entries)), ThreadPoolExecutor(os.cpu_count()) as pool:
        return [found for found in pool.map(verified, entries) if found.damage]
