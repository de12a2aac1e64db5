"""``python -m tests.campaign``: all parts, or one; a table on stdout, and all of it as JSON."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.campaign import edits, full_disks, interruptions, many_processes, mutations, power_cuts
from tests.campaign.tally import PROBLEMS, Tally, table

Part = Callable[[int, int], Iterator[Tally]]
PARTS: dict[str, tuple[Part, int]] = {
    "interruptions": (interruptions.run, 200),
    "power-cuts": (power_cuts.run, 60),
    "full-disks": (full_disks.run, 100),
    "many-processes": (many_processes.run, 64),
    "edits": (edits.run, 5000),
    "mutations": (mutations.run, 100),
}


def main() -> int:
    """Run it; the exit status is 1 if anything went wrong."""
    parser = ArgumentParser("python -m tests.campaign", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="run this part")
    parser.add_argument("--number", type=int, help="how often to try (each part has its own default)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments and choices (1)")
    parser.add_argument("--json", type=Path, help="write the counts and examples there")
    options = parser.parse_args()
    tallies: list[Tally] = []
    for name in [options.only] if options.only else PARTS:
        run, number = PARTS[name]
        started = time.monotonic()
        for tally in run(options.number or number, options.seed):
            tallies.append(tally)
            print(f"{tally.part}: {tally.what}: {dict(tally.counts)}", file=sys.stderr, flush=True)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print(table(tallies))
    if options.json:
        options.json.write_text(json.dumps([tally.as_dict() for tally in tallies], indent=1) + "\n")
    return int(any(tally.counts[kind] for tally in tallies for kind in PROBLEMS))


if __name__ == "__main__":
    sys.exit(main())
