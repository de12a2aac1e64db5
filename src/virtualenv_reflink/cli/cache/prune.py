"""``virtualenv-reflink cache prune``: take out of the wheel cache what has not been used for long.

What living environments need stays, whatever the limits. What killed runs have left always goes.
"""

from __future__ import annotations

import math
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from virtualenv_reflink.cache.last_use import DAY_NS
from virtualenv_reflink.cache.pruning import Limits, Removed
from virtualenv_reflink.cli.cache.opened import care_of, opened, parser_for
from virtualenv_reflink.cli.cache.removal import tell_removed
from virtualenv_reflink.cli.units import days_ago, moment, size
from virtualenv_reflink.option import days
from virtualenv_reflink.options import CACHE_MAX_AGE


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    limits = _limits(options)
    care = care_of(opened(options))
    known = care.entries()
    removed = Removed(care.beyond(limits, known), 0) if options.dry_run else care.prune(limits, known)
    tell_removed(removed, known, dry_run=options.dry_run, as_json=options.json)
    return 0


def _limits(options: Namespace) -> Limits:
    """Return the limits that are given, or that of the settings where none is."""
    since = []
    if options.unused_for is not None:
        since.append(days_ago(options.unused_for))
    if options.keep_only_used_since is not None:
        # what is noted may be a day old, and nothing that was used since is to go
        since.append(options.keep_only_used_since - DAY_NS / 10**9)
    age = CACHE_MAX_AGE.value(options)
    if not since and options.max_size is None and not options.ci and age:
        since.append(days_ago(age))
    return Limits(max(since, default=-math.inf), options.max_size, options.ci)


def _parser() -> ArgumentParser:
    parser = parser_for("prune", __doc__)
    parser.add_argument("--unused-for", metavar="DAYS", type=days, help="what was not used for so many days")
    parser.add_argument("--max-size", metavar="SIZE", type=size, help="what is too much, like 500M or 10GiB")
    parser.add_argument(
        "--keep-only-used-since",
        metavar="TIME",
        type=moment,
        help="what was not used since then: a date and time of ISO 8601, or seconds since the epoch",
    )
    parser.add_argument(
        "--ci", action="store_true", help="what was not used since the cache was restored here from an archive"
    )
    parser.add_argument("--dry-run", action="store_true", help="tell what would be taken out, and leave it there")
    CACHE_MAX_AGE.add_to(parser, os.environ)
    return parser
