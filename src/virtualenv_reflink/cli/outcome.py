"""``--outcome FILE``: how files reached environments, for tools that run our commands."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path

from virtualenv_reflink.cli.parser import filled_path
from virtualenv_reflink.errors import OptionError
from virtualenv_reflink.placing.outcome import Outcome


def add_outcome(parser: ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--outcome",
        metavar="FILE",
        type=filled_path,
        help="also write how files reached each environment to this file, as JSON: "
        "a list of objects with environment, mode, fallen_back (a number of files), reasons, warnings, and "
        "shared_objects (the mode by which those came whose memory is to be shared)",
    )


def write_outcomes(path: Path | None, outcomes: Mapping[Path, Outcome]) -> None:
    """Write the outcome of each environment to ``path`` where one is given.

    :raises OptionError: when it cannot be written; the environments are whole.
    """
    if path is None:
        return
    try:
        rows = [{"environment": str(place), **outcome._asdict()} for place, outcome in outcomes.items()]
        path.write_text(json.dumps(rows) + "\n", encoding="utf-8")
    except OSError as error:
        raise OptionError(
            f"the outcome cannot be written to {path}: {error.strerror}; what was to be installed is there"
        ) from error
