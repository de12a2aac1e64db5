"""``virtualenv-reflink cache verify``: compare every file in the wheel cache with what it was when it came in."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence

from virtualenv_reflink.cache.inventory import Entry
from virtualenv_reflink.cache.verification import Damaged
from virtualenv_reflink.cli.cache.opened import care_of, opened, parser_for
from virtualenv_reflink.cli.cache.removal import name_of
from virtualenv_reflink.cli.terminal import progress, tell


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand; the status is 1 when something is damaged, mended or not."""
    options = _parser().parse_args(arguments)
    care = care_of(opened(options))
    known = care.entries()
    damaged = care.damaged(known, progress(verbose=False, quiet=options.json))
    if options.json:
        print(json.dumps({"entries": len(known), "damaged": [_row(each, known) for each in damaged]}, indent=2))
    else:
        for each in damaged:
            for file, reason in each.damage:
                print(f"{name_of(each.entry, known)}: {file}: {reason}")
    if damaged and options.repair:
        repaired, users = care.repair(damaged, known), care.users()
        for place in sorted({place for entry in repaired for place in users.get(entry.place, ())}):
            tell(f"{place} lived on what was taken out; make it again")
    if not options.json:
        print(_told(len(known), len(damaged), repaired=options.repair))
    return 1 if damaged else 0


def _row(damaged: Damaged, known: Sequence[Entry]) -> dict[str, object]:
    files = [each._asdict() for each in damaged.damage]
    return {"kind": damaged.entry.kind, "name": name_of(damaged.entry, known), "files": files}


def _told(number: int, damaged: int, *, repaired: bool) -> str:
    if not damaged:
        return f"All {number} entries are whole"
    return f"{damaged} of {number} entries {'were' if repaired else 'are'} damaged" + (
        ", and were taken out" if repaired else "; --repair takes them out"
    )


def _parser() -> ArgumentParser:
    parser = parser_for("verify", __doc__)
    parser.add_argument("--repair", action="store_true", help="take out what is damaged: its next use makes it again")
    return parser
