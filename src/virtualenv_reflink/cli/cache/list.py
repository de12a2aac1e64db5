"""``virtualenv-reflink cache list``: list the wheels in the wheel cache."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from virtualenv_reflink.cache.inventory import Entry
from virtualenv_reflink.cli.cache.opened import care_of, opened, parser_for
from virtualenv_reflink.cli.parser import filled
from virtualenv_reflink.cli.table import print_table
from virtualenv_reflink.cli.units import day_text, size_text
from virtualenv_reflink.layers.care import Care


class _Row(NamedTuple):
    """A wheel: bytes are those of its bytecode too; ``last_used`` is in seconds since the epoch."""

    distribution: str
    version: str
    sha256: str
    bytes: int
    bytecode: list[str]
    last_used: float
    environments: int


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    wanted = {canonicalize_name(name) for name in options.names}
    rows = [
        row for row in _rows(care_of(opened(options))) if not wanted or canonicalize_name(row.distribution) in wanted
    ]
    if options.json:
        print(json.dumps([row._asdict() for row in rows], indent=2))
        return 0
    headers = ("project", "version", "on disk", "bytecode for", "last used", "environments")
    print_table(headers, [_told(row) for row in rows])
    return 0


def _rows(care: Care) -> list[_Row]:
    entries, users = care.entries(), care.users()
    rows = [_row(entry, entries, users) for entry in entries if entry.kind == "wheels"]
    return sorted(rows, key=lambda row: (canonicalize_name(row.distribution), row.version))


def _row(wheel: Entry, entries: Sequence[Entry], users: dict[str, list[Path]]) -> _Row:
    name, _, version = wheel.label.partition(" ")
    compiled = [entry for entry in entries if entry.kind == "bytecode" and wheel.place in entry.needs]
    layers = [entry.place for entry in entries if entry.kind == "layers" and wheel.place in entry.needs]
    return _Row(
        distribution=name,
        version=version,
        sha256=wheel.place.split("/")[1],
        bytes=wheel.bytes + sum(entry.bytes for entry in compiled),
        bytecode=[entry.label for entry in compiled],
        last_used=max(entry.last_used for entry in (wheel, *compiled)),
        environments=len({place for layer in layers for place in users.get(layer, ())}),
    )


def _told(row: _Row) -> tuple[str, ...]:
    size, day = size_text(row.bytes), day_text(row.last_used)
    return (row.distribution, row.version, size, ", ".join(row.bytecode), day, str(row.environments))


def _parser() -> ArgumentParser:
    parser = parser_for("list", __doc__)
    parser.add_argument("names", metavar="NAME", type=filled, nargs="*", help="only wheels of this project")
    return parser
