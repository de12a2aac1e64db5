"""Give pip and us the same to do, and compare: ``python -m tests.differential [popular|releases|sequences] [NAME...]``.

``popular`` are the most used packages of the index, each with all that it depends on; ``releases`` are releases of 2021
to 2023 that old tools made, each by itself; ``sequences`` are commands that follow each other in one environment, which
is compared after each. Without a half all are run, without names all of it. Compared are files, contents, modes,
metadata, RECORD, direct_url.json, and where packages depend on others what ``pip check`` says.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.differential import popular, releases, sequences

Half = tuple[Sequence[str], Callable[[str, Path, Path], list[str]]]
HALVES: dict[str, Half] = {
    "popular": (popular.NAMES, popular.compare),
    "releases": (releases.NAMES, releases.compare),
    "sequences": (sequences.NAMES, sequences.compare),
}


def main() -> int:
    """Print a line for each comparison, and what differs; return 1 if anything does."""
    parser = ArgumentParser("python -m tests.differential", None, __doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("half", nargs="?", choices=HALVES, help="compare these only")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a package, a release or a sequence")
    options = parser.parse_args()
    unlike = [_unlike(half, options.names) for half in ([options.half] if options.half else HALVES)]
    return int(any(unlike))


def _unlike(half: str, chosen: Sequence[str]) -> int:
    """Compare, tell, and return how many were not equal."""
    names, compare = HALVES[half]
    unlike = 0
    with tempfile.TemporaryDirectory() as directory:
        for number, name in enumerate(chosen or names):
            found = compare(name, Path(directory, str(number)), Path(directory, "cache"))
            unlike += bool(found)
            print(f"{name}: {'; '.join(found[:20]) or 'equal'}", flush=True)
    print(f"{half}: {len(chosen or names) - unlike} of {len(chosen or names)} equal", flush=True)
    return unlike


if __name__ == "__main__":
    sys.exit(main())
