"""``virtualenv-reflink dedupe``: let environments that exist already share on disk what they hold twice."""

from __future__ import annotations

import gc
import json
import os
from argparse import ArgumentParser
from collections.abc import Sequence

from virtualenv_reflink.cli.options import add_talk
from virtualenv_reflink.cli.parser import command_parser, filled_path
from virtualenv_reflink.cli.table import print_table
from virtualenv_reflink.cli.terminal import progress, tell
from virtualenv_reflink.cli.units import size_text
from virtualenv_reflink.options import BASE_CACHE, WHEEL_CACHE, wheel_cache
from virtualenv_reflink.sharing.dedupe import Deduped, dedupe
from virtualenv_reflink.sharing.tally import Tally


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    # there come some 100,000 small values without cycles; looking for those takes a seventh of the time
    gc.disable()
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.paths and not options.known:
        parser.error("name a PATH below which environments are, or use --known")
    deduped = dedupe(
        options.paths,
        known=options.known,
        dry_run=options.dry_run,
        again=options.again,
        wheel_cache=wheel_cache(options),
        base_caches=BASE_CACHE.value(options),
        progress=progress(verbose=options.verbose, quiet=options.quiet),
    )
    if options.json:
        print(json.dumps(_as_json(deduped), indent=2))
    elif not options.quiet:
        _tell(deduped, dry_run=options.dry_run)
    return 0


def _tell(deduped: Deduped, *, dry_run: bool) -> None:
    headers = ("environment", "would give back" if dry_run else "given back", "files", "shared already", "passed over")
    rows = [_row(str(root), tally) for root, tally in deduped.environments.items()]
    total = _sum(list(deduped.environments.values()))
    print_table(headers, [*rows, _row("all", total)])
    for reason, number in total.passed_over.items():
        print(f"passed over: {number} file{'' if number == 1 else 's'}, {reason}")
    for root, reason in deduped.incapable.items():
        tell(f"passed over: {root}, {reason}")
    if not dry_run:
        print(f"The filesystem has {size_text(max(0, deduped.freed))} less in use than before")


def _row(name: str, tally: Tally) -> tuple[str, ...]:
    passed_over = sum(tally.passed_over.values())
    return name, size_text(tally.given_back), str(tally.shared), str(tally.already), str(passed_over)


def _sum(tallies: Sequence[Tally]) -> Tally:
    reasons = [reason for tally in tallies for reason in tally.passed_over]
    return Tally(
        shared=sum(tally.shared for tally in tallies),
        given_back=sum(tally.given_back for tally in tallies),
        already=sum(tally.already for tally in tallies),
        passed_over={reason: sum(tally.passed_over.get(reason, 0) for tally in tallies) for reason in reasons},
    )


def _as_json(deduped: Deduped) -> dict[str, object]:
    return {
        "environments": [{"environment": str(root), **tally._asdict()} for root, tally in deduped.environments.items()],
        "incapable": [{"environment": str(root), "reason": reason} for root, reason in deduped.incapable.items()],
        "freed": deduped.freed,
    }


def _parser() -> ArgumentParser:
    parser = command_parser("dedupe", __doc__)
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", type=filled_path, help="an environment, or a directory above some"
    )
    parser.add_argument(
        "--known",
        action="store_true",
        help="also where pipx, Poetry, hatch, virtualenvwrapper, Pipenv, PDM and uv keep environments",
    )
    parser.add_argument("--dry-run", action="store_true", help="tell what could be given back, but change nothing")
    parser.add_argument(
        "--again", action="store_true", help="look at every file, even if nothing was added since the last time"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    WHEEL_CACHE.add_to(parser, os.environ)
    BASE_CACHE.add_to(parser, os.environ)
    add_talk(parser)
    return parser
