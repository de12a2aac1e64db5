"""``virtualenv-reflink cache size``: tell how many bytes of the disk the wheel cache takes, by kind."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence

from virtualenv_reflink.cache.disk_usage import bytes_on_disk
from virtualenv_reflink.cache.kinds import NOTES
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.cli.cache.opened import care_of, opened, parser_for
from virtualenv_reflink.cli.table import print_table
from virtualenv_reflink.cli.units import size_text
from virtualenv_reflink.layers.kind import ENTRIES


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    cache = opened(options)
    sizes = _sizes(cache)
    total = sum(sizes.values())
    if options.json:
        print(json.dumps({"root": str(cache.root), "bytes": total, "kinds": sizes}, indent=2))
        return 0
    what = {kind.name: kind.what for kind in (*ENTRIES, *NOTES)}
    rows = [(what[name], size_text(number)) for name, number in sizes.items() if number]
    print_table(("what", "on disk"), [*rows, ("all", size_text(total))])
    return 0


def _sizes(cache: WheelCache) -> dict[str, int]:
    """Return the bytes on disk of each kind, each byte counted once."""
    sizes = dict.fromkeys((kind.name for kind in (*ENTRIES, *NOTES)), 0)
    for entry in care_of(cache).entries():
        sizes[entry.kind] += entry.bytes
    for kind in NOTES:
        sizes[kind.name] += bytes_on_disk(cache.store.note_files(kind.name), set())
    return sizes


def _parser() -> ArgumentParser:
    return parser_for("size", __doc__)
