"""Write the figures into the pages, and the charts, from the committed run: ``python -m benchmarks.pages``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.charts import draw
from benchmarks.judging import Judged
from benchmarks.report import RESULT, Report
from benchmarks.targets import judged
from benchmarks.tools_report import COMMANDS, ToolsReport
from benchmarks.workloads import OLDER

ROOT = Path(__file__).parent.parent
CHARTS = ROOT / "docs" / "charts"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
_ALTERNATIVES = {
    "environment": "time to a working environment of 139 packages",
    "first-result": "time to the first result",
    "disk": "disk that ten environments take",
    "memory": "memory of five interpreters",
    "growth": "time against the number of files",
}
_TIMES = {
    "seeds": "virtualenv's seeds",
    "seeds-older": f"virtualenv's seeds, Python {OLDER}",
    "venv-older": f"pip and setuptools, Python {OLDER}",
    "environment-139": "139 packages",
    "layer": "139 packages as a layer",
    "hardlink": "139 packages as hard links",
    "first-run": "139 packages and a first run",
    "cold": "139 packages, empty cache",
    "resolvers": "139 names resolved",
    "deletion": "139 packages deleted",
    "fork": "139 packages copied to another place",
}
# what the README tells: a sentence, the workload, the filesystem, ours and the peer's candidate
_SUMMARY = (
    ("pip, seeded by virtualenv, on btrfs", "seeds", "btrfs", "virtualenv --seeder reflink, snapshot", "virtualenv"),
    ("139 packages, snapshot, on btrfs", "environment-139", "btrfs", "ours, snapshot", "uv, clone, no bytecode"),
    ("139 packages, clone, on btrfs", "environment-139", "btrfs", "ours, clone", "uv, clone, no bytecode"),
    ("139 packages, clone, on XFS", "environment-139", "xfs", "ours, clone", "uv, clone, no bytecode"),
    ("139 packages, layer, on ext4", "layer", "ext4", "ours, layer", "uv, hardlink, no bytecode"),
)


def main() -> None:
    """Write them."""
    draw(RESULT, CHARTS)
    report = Report.read(RESULT)
    for page, paragraphs in PAGES.items():
        page.write_text(with_figures(page.read_text(encoding="utf-8"), paragraphs(report)), encoding="utf-8")


def with_figures(text: str, paragraphs: Iterable[str]) -> str:
    """Return the text of a page with figures between the markers."""
    before, _, rest = text.partition(f"{BEGIN}\n")
    _, marker, after = rest.partition(END)
    if not marker:
        raise ValueError(f"a page has no {BEGIN} and {END}")
    return "\n".join([f"{before}{BEGIN}", *paragraphs, f"{END}{after}"])


def _summary(report: Report) -> Iterator[str]:
    yield ""
    yield from _table(["", "this", "peer", "ratio"], filter(None, (_compared(report, *row) for row in _SUMMARY)))
    yield ""


def _compared(report: Report, what: str, workload: str, filesystem: str, ours: str, peer: str) -> list[str] | None:
    times = [report.median(workload, filesystem, name) for name in (ours, peer)]
    ratio = report.ratio(workload, filesystem, ours, peer)
    if ratio is None or None in times:
        return None
    mine, other = (f"{(time or 0) * 1000:,.0f} ms" for time in times)
    return [what, mine, f"{other} ({peer})", f"{ratio:.2f}"]


def _paragraphs(report: Report) -> Iterator[str]:
    machine, versions = report.content["machine"], report.content["versions"]
    yield ""
    yield f"One run of `{report.content['command']}` on {machine['cpus']} cores: Linux {machine['kernel']},"
    yield f"Python {versions['python']}, virtualenv {versions['virtualenv']}, {_uv(versions)}."
    yield "Whole processes, candidates in turn, everything warm but an empty cache; medians, and in brackets the median"
    yield "of the ratios to the first line, round by round. The limit is a C program that only clones the same files,"
    yield "on all cores."
    if report.content["left_out"]:
        yield f"Left out: {'; '.join(report.content['left_out'])}."
    for workload, title in _TIMES.items():
        if report.filesystems(workload):
            yield ""
            yield from _times(report, workload, title)
    for name, alternative in _ALTERNATIVES.items():
        if (CHARTS / f"{name}.svg").exists():
            yield ""
            yield f"![{alternative}](../charts/{name}.svg)"
    if report.content["space"]:
        yield ""
        yield from _space(report)
    yield ""
    yield from _targets(judged(report))
    yield ""
    yield from _tools(ToolsReport())
    yield ""


def _tools(report: ToolsReport) -> Iterator[str]:
    yield f"With tox and pipx on a btrfs, by `{COMMANDS[0]}`"
    yield f"and `{COMMANDS[1]}`; everything warm but what is said to go into a cache:"
    for heading, rows in report.tables():
        yield ""
        yield from _table([heading, ""], rows)
    yield ""
    yield from _targets(report.judged())


def _uv(versions: dict[str, str]) -> str:
    return " ".join(versions.get("uv", "no uv").split()[:2])


def _times(report: Report, workload: str, title: str) -> Iterator[str]:
    filesystems = report.filesystems(workload)
    names = list(dict.fromkeys(name for each in filesystems for name in report.candidates(workload, each)))
    rows = ([name, *(_time(report, workload, each, name) for each in filesystems)] for name in names)
    return _table([title, *filesystems], rows)


def _time(report: Report, workload: str, filesystem: str, name: str) -> str:
    first = report.candidates(workload, filesystem)[0]
    median, ratio = (
        report.median(workload, filesystem, name),
        report.ratio(workload, filesystem, name, first),
    )
    return "" if median is None or ratio is None else f"{median * 1000:,.0f} ms ({ratio:.2f})"


def _space(report: Report) -> Iterator[str]:
    space = report.content["space"]
    names = list(dict.fromkeys(name for figures in space.values() for name in figures))
    rows = (
        [name, *(_bytes(space[filesystem].get(name, {}).get("ten_after_sync")) for filesystem in space)]
        for name in names
    )
    return _table(["disk of ten environments of 139 packages", *space], rows)


def _bytes(number: float | None) -> str:
    return "" if number is None else f"{number / 1e6:,.1f} MB"


def _targets(all_judged: Iterable[Judged]) -> Iterator[str]:
    rows = (
        [each.target.promise, f"{each.target.limit:.3g} {each.target.unit}", each.told, each.verdict]
        for each in all_judged
    )
    return _table(["target", "at most", "figure", ""], rows)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{' --- |' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(cell.strip() for cell in row)} |"


PAGES: dict[Path, Callable[[Report], Iterator[str]]] = {
    ROOT / "README.md": _summary,
    ROOT / "docs" / "explanation" / "figures.md": _paragraphs,
}
"""The pages with figures, and what writes each one's."""

if __name__ == "__main__":
    main()
