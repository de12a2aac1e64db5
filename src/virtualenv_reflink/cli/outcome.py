"""``--outcome FILE``: how files reached environments, for tools that run our commands."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.errors import OptionError
from virtualenv_reflink.placing.linking import Linker


class EnvironmentOutcome(NamedTuple):
    """What was done for one environment: the mode used, how many files fell back from it, and why anything did."""

    environment: str
    mode: str
    fallen_back: int
    reasons: tuple[str, ...]


def outcome_of(environment: Path, linker: Linker) -> EnvironmentOutcome:
    """Return what ``linker`` did."""
    mode, _, reason = str(linker).partition(": ")
    return EnvironmentOutcome(str(environment), mode, linker.refusals.number, (reason,) if reason else ())


def add_outcome(parser: ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--outcome",
        metavar="FILE",
        type=Path,
        help="also write how files reached each environment to this file, as JSON: "
        "a list of objects with environment, mode, fallen_back (a number of files) and reasons",
    )


def write_outcomes(path: Path | None, outcomes: Sequence[EnvironmentOutcome]) -> None:
    """Write ``outcomes`` to ``path`` where one is given.

    :raises OptionError: when it cannot be written; the environments are whole.
    """
    if path is None:
        return
    try:
        path.write_text(json.dumps([outcome._asdict() for outcome in outcomes]) + "\n", encoding="utf-8")
    except OSError as error:
        raise OptionError(
            f"the outcome cannot be written to {path}: {error.strerror}; what was to be installed is there"
        ) from error
