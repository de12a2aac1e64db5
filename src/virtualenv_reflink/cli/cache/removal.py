"""What ``cache prune`` and ``cache clean`` tell of what they took out, or would take out."""

from __future__ import annotations

import json
from collections.abc import Sequence

from virtualenv_reflink.cache.inventory import Entry
from virtualenv_reflink.cache.pruning import Removed
from virtualenv_reflink.cli.cache.units import day_text
from virtualenv_reflink.cli.units import size_text


def tell_removed(removed: Removed, known: Sequence[Entry], *, dry_run: bool, as_json: bool) -> None:
    """Print what was removed; ``known`` are the entries there were, after which bytecode is named."""
    freed = sum(entry.bytes for entry in removed.entries) + removed.leftover_bytes
    if as_json:
        rows = [_row(entry, known) for entry in removed.entries]
        leftovers = {"leftover_bytes": removed.leftover_bytes, "bytes": freed, "dry_run": dry_run}
        print(json.dumps({"removed": rows, **leftovers}, indent=2))
        return
    for entry in removed.entries:
        row = _row(entry, known)
        print(f" - {row['name']} ({entry.kind}, {size_text(entry.bytes)}, last used {day_text(entry.last_used)})")
    if removed.leftover_bytes:
        print(f" - leftovers ({size_text(removed.leftover_bytes)})")
    number = len(removed.entries)
    done = "Would remove" if dry_run else "Removed"
    print(f"{done} {number} entr{'y' if number == 1 else 'ies'}, {size_text(freed)}")


def name_of(entry: Entry, known: Sequence[Entry]) -> str:
    """Return what an entry is called; bytecode is named after its wheel, which is among the ``known``."""
    if entry.kind != "bytecode":
        return entry.label
    wheel = next((each.label for each in known if each.place in entry.needs), "a wheel that is gone")
    return f"{wheel} for {entry.label}"


def _row(entry: Entry, known: Sequence[Entry]) -> dict[str, object]:
    name = name_of(entry, known)
    return {"kind": entry.kind, "name": name, "bytes": entry.bytes, "last_used": entry.last_used}
