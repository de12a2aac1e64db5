"""Measure side by side with what one would use instead: ``python -m benchmarks``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from benchmarks.machine import machine, versions
from benchmarks.processes import CommandError, stop_politely
from benchmarks.report import Report
from benchmarks.session import SIZES, Session, Wish
from benchmarks.tables import show_targets
from benchmarks.workloads import EVERYWHERE, WORKLOADS

_ROUNDS = 7
_INTERRUPTED = 130


def main() -> int:
    """Run the benchmarks, print their tables, and return the exit status."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 160)
    stop_politely()
    report = Report()
    report.content |= {"command": _command(options), "machine": machine(), "versions": versions()}
    console.print_json(data={**report.content["machine"], **report.content["versions"]})
    wish = Wish(options.full, options.rounds, options.filesystem or EVERYWHERE, options.only or ())
    try:
        Session(wish, report, console).run()
    except CommandError as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        report.leave_out("the rest", "interrupted")
        _write(report, options.json)
        console.print("interrupted: what was mounted is unmounted, and what was written is deleted")
        return _INTERRUPTED
    if not any(report.content[what] for what in ("timings", *SIZES)):
        console.print("nothing could be measured", style="red")
        return 1
    show_targets(console, report)
    _write(report, options.json)
    return 0


def _write(report: Report, path: Path | None) -> None:
    if path:
        report.write(path)


def _options() -> Namespace:
    parser = ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all workloads on all filesystems, not the quick ones")
    parser.add_argument("--rounds", type=_positive, default=_ROUNDS, help="how often each candidate runs (%(default)s)")
    parser.add_argument("--filesystem", action="append", choices=EVERYWHERE, help="only this one; repeatable")
    parser.add_argument(
        "--only",
        action="append",
        choices=[*WORKLOADS, *SIZES],
        metavar="WORKLOAD",
        help="only this; repeatable: %(choices)s",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _command(options: Namespace) -> str:
    """Return the command that makes the same run; where its figures go is no part of that."""
    words = ["python", "-m", "benchmarks"]
    words += ["--full"] if options.full else []
    words += ["--rounds", str(options.rounds)] if options.rounds != _ROUNDS else []
    words += [word for name in options.filesystem or () for word in ("--filesystem", name)]
    words += [word for name in options.only or () for word in ("--only", name)]
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
