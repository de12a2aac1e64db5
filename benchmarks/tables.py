"""A report as tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from benchmarks.report import Report, is_ours
from benchmarks.targets import judged
from benchmarks.workloads import WORKLOADS


def show_timings(console: Console, report: Report, workload: str, filesystem: str) -> None:
    """Print what the candidates of a workload took, with the ratios to each peer."""
    names = report.candidates(workload, filesystem)
    peers = [(number, name) for number, name in enumerate(names, 1) if not is_ours(name)]
    table = Table(title=f"{WORKLOADS[workload].title}, {filesystem} (seconds)", title_justify="left")
    for heading in ("", "", "median", "min..max", "CPU", *(f"to {number}" for number, _ in peers)):
        table.add_column(heading, justify="left" if not heading else "right")
    for number, name in enumerate(names, 1):
        walls = report.walls(workload, filesystem, name) or []
        ratios = [report.ratio(workload, filesystem, name, peer) for _, peer in peers]
        table.add_row(
            str(number),
            name,
            f"{report.median(workload, filesystem, name):.3f}",
            f"{min(walls):.3f}..{max(walls):.3f}",
            f"{report.median(workload, filesystem, name, 'cpu'):.3f}",
            *(f"{ratio:.2f}" for ratio in ratios if ratio is not None),
        )
    console.print(table)


def show_sizes(console: Console, title: str, figures: Mapping[str, Mapping[str, float | None]]) -> None:
    """Print sizes in megabytes, and counts, of several candidates."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    columns = list(next(iter(figures.values())))
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for name, values in figures.items():
        table.add_row(name, *(_told(column, values[column]) for column in columns))
    console.print(table)


def show_targets(console: Console, report: Report) -> None:
    """Print each target with its figure."""
    table = Table(title="Targets", title_justify="left")
    for heading in ("target", "at most", "figure", ""):
        table.add_column(heading, justify="left" if heading in ("target", "") else "right")
    for each in judged(report):
        limit = f"{each.target.limit:.3g} {each.target.unit}"
        table.add_row(each.target.promise, limit, each.told, each.verdict.strip("*"))
    console.print(table)


def _told(column: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if column in ("paths", "works") or column.endswith("inodes") else f"{value / 1e6:.2f} MB"
