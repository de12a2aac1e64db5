"""``virtualenv-reflink cache clean``: take everything out of the wheel cache, or everything of some projects."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from virtualenv_reflink.cache.inventory import Entry
from virtualenv_reflink.cli.cache.opened import care_of, opened, parser_for
from virtualenv_reflink.cli.cache.removal import tell_removed
from virtualenv_reflink.cli.parser import filled
from virtualenv_reflink.errors import CacheError
from virtualenv_reflink.layers.care import Care


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    care = care_of(opened(options))
    known = care.entries()
    doomed = care.of_projects({canonicalize_name(name) for name in options.names}, known) if options.names else known
    if not options.force:
        _check_unneeded(doomed, care)
    removed = care.clean(doomed) if options.names else care.clean_all(known)
    tell_removed(removed, known, dry_run=False, as_json=options.json)
    return 0


def _check_unneeded(doomed: Sequence[Entry], care: Care) -> None:
    users = care.users()
    living: list[Path] = sorted({place for entry in doomed for place in users.get(entry.place, ())})
    if living:
        named = ", ".join(map(str, living))
        raise CacheError(f"environments live on layers that would be taken out: {named}; --force does it all the same")


def _parser() -> ArgumentParser:
    parser = parser_for("clean", __doc__)
    parser.add_argument("names", metavar="NAME", type=filled, nargs="*", help="a project (all of them)")
    parser.add_argument("--force", action="store_true", help="even if environments live on what is taken out")
    return parser
