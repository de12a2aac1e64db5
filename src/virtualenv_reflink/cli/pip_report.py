"""``--report FILE``: what pip resolved, in the installation report format of pip."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from virtualenv_reflink.errors import OptionError

_STDOUT = "-"


def add_report(parser: ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="also write pip's installation report, of what is resolved now, to this file; - is the standard output",
    )


def check_report(options: Namespace) -> None:
    """Refuse a report of what pip does not resolve.

    :raises OptionError: where a lock is given.
    """
    if options.report and options.locks:
        raise OptionError("--report tells of what pip resolves, and a lock is resolved already; leave out --lock")


def write_report(place: str, report: dict[str, Any]) -> None:
    """Write a report to a file, or to the standard output.

    :raises OptionError: when it cannot be written; nothing was installed.
    """
    # what stands in metadata may be more than a stream can encode
    text = json.dumps(report, indent=2)
    if place == _STDOUT:
        print(text)
        return
    try:
        Path(place).write_text(text, encoding="ascii")
    except OSError as error:
        raise OptionError(
            f"the report cannot be written to {place}: {error.strerror}; nothing was installed"
        ) from error
