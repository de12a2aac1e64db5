"""``virtualenv-reflink explain``: what an environment takes of the disk, or which link mode a directory gets."""

from __future__ import annotations

import gc
import json
import os
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from virtualenv_reflink.cli.parser import command_parser, filled_path
from virtualenv_reflink.cli.table import print_table
from virtualenv_reflink.cli.terminal import progress
from virtualenv_reflink.cli.units import size_text
from virtualenv_reflink.errors import TargetError
from virtualenv_reflink.layers.choice import LEAST_FILES
from virtualenv_reflink.options import BASE_CACHE, WHEEL_CACHE, wheel_cache
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.sharing.account import Usage
from virtualenv_reflink.sharing.environments import is_environment, place_of
from virtualenv_reflink.sharing.space import Space, total
from virtualenv_reflink.sharing.trials import Spot, Trials, trials_between
from virtualenv_reflink.sharing.usage import usage_of


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    # there come some 100,000 small values without cycles; looking for those takes a seventh of the time
    gc.disable()
    options = _parser().parse_args(arguments)
    if not options.place.is_dir():
        raise TargetError(f"there is no directory {options.place}; name an environment, or where one is to be")
    cache = wheel_cache(options)
    if is_environment(options.place):
        caches = [cache, *BASE_CACHE.value(options)]
        _explain_environment(options.place, caches, progress(verbose=False, quiet=False), as_json=options.json)
    else:
        _explain_directory(options.place.absolute(), cache, as_json=options.json)
    return 0


def _explain_environment(root: Path, caches: Sequence[Path], telling: Progress, *, as_json: bool) -> None:
    usages = usage_of(place_of(Path(os.path.realpath(root))), caches, telling)
    if as_json:
        print(json.dumps(_usages_as_json(root, usages), indent=2))
        return
    headers = ("distribution", "version", "mode", "apparent", "alone", "shared", "changed", "mapped by")
    print_table(headers, [*map(_row, usages), _total_row(usages)])
    inline = _total(usages).inline
    if inline:
        print(f"{size_text(inline)} are inside the metadata of the filesystem, and count for neither")
    for usage in usages:
        for path in usage.changed:
            print(f"changed: {path} ({usage.name})")
        for path in usage.missing:
            print(f"missing: {path} ({usage.name})")


def _row(usage: Usage) -> tuple[str, ...]:
    name = usage.name or "(in no RECORD)"
    space, changed = usage.space, len(usage.changed) + len(usage.missing)
    sizes = map(size_text, (space.apparent, space.alone, space.shared))
    return name, usage.version, usage.mode, *sizes, str(changed or ""), _processes(len(usage.processes))


def _total_row(usages: Sequence[Usage]) -> tuple[str, ...]:
    space = _total(usages)
    changed = sum(len(usage.changed) + len(usage.missing) for usage in usages)
    processes = {process for usage in usages for process in usage.processes}
    sizes = map(size_text, (space.apparent, space.alone, space.shared))
    return "all", "", "", *sizes, str(changed or ""), _processes(len(processes))


def _total(usages: Sequence[Usage]) -> Space:
    return total(usage.space for usage in usages)


def _processes(number: int) -> str:
    return f"{number} process{'' if number == 1 else 'es'}" if number else ""


def _usages_as_json(root: Path, usages: Sequence[Usage]) -> dict[str, object]:
    *distributions, unlisted = ({**usage._asdict(), **usage.space._asdict()} for usage in usages)
    for row in (*distributions, unlisted):
        del row["space"]
    return {
        "environment": str(root),
        "total": _total(usages)._asdict(),
        "distributions": distributions,
        "unlisted": unlisted,
    }


def _explain_directory(directory: Path, cache: Path, *, as_json: bool) -> None:
    trials = trials_between(cache, directory)
    if as_json:
        print(json.dumps(_trials_as_json(trials), indent=2))
        return
    print(f"wheel cache: {_spot(trials.cache)}")
    print(f"directory:   {_spot(trials.directory)}")
    print_table(("tried", "outcome"), [(mode, reason or "it works") for mode, reason in trials.refused.items()])
    print(f"--link-mode auto takes {trials.auto}")
    if trials.auto_for_many != trials.auto:
        print(f"for {LEAST_FILES:,} files and more it takes {trials.auto_for_many}")
    for advice in trials.advice:
        print(f"better: {advice}")


def _spot(spot: Spot) -> str:
    return f"{spot.path} ({spot.filesystem}, mounted at {spot.mount_point})"


def _trials_as_json(trials: Trials) -> dict[str, object]:
    return {
        "cache": {**trials.cache._asdict(), "path": str(trials.cache.path)},
        "directory": {**trials.directory._asdict(), "path": str(trials.directory.path)},
        "tried": [{"mode": mode, "refused": reason} for mode, reason in trials.refused.items()],
        "auto": _outcome_as_json(trials.auto),
        "auto_for_many_files": {**_outcome_as_json(trials.auto_for_many), "files": LEAST_FILES},
        "advice": trials.advice,
    }


def _outcome_as_json(outcome: Outcome) -> dict[str, object]:
    return {"mode": outcome.mode, "reasons": outcome.reasons}


def _parser() -> ArgumentParser:
    parser = command_parser("explain", __doc__)
    parser.add_argument(
        "place",
        metavar="ENV | DIR",
        nargs="?",
        type=filled_path,
        default=Path(),
        help="an environment, or a directory that one could be made in (the present directory)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    WHEEL_CACHE.add_to(parser, os.environ)
    BASE_CACHE.add_to(parser, os.environ)
    return parser
