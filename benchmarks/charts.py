"""The pictures of a report: SVG, the same bytes for the same figures and the same matplotlib."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Report, is_ours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OURS, _PEER, _LIMIT = "#0b7a75", "#9aa5b1", "#d9822b"
_LINES = {
    "uv, clone, no bytecode": "#5f6b7a",
    "uv, hardlink, no bytecode": "#9aa5b1",
    "limit": "#d9822b",
    "ours, clone": "#0b7a75",
    "ours, snapshot": "#6a4c93",
    "ours, layer": "#c2185b",
}
Bars = Mapping[str, float]


def digest(report_file: Path) -> str:
    """Return what each picture says of the report that it shows."""
    return hashlib.sha256(report_file.read_bytes()).hexdigest()


def draw(report_file: Path, directory: Path) -> list[Path]:
    """Draw all pictures for which there are figures, and return them."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "virtualenv-reflink", "svg.fonttype": "none", "font.size": 9})
    report, says = Report.read(report_file), digest(report_file)
    pictures = {
        "environment": _environment(report),
        "first-result": _first_result(report),
        "disk": _disk(report),
        "memory": _memory(report),
        "growth": _growth(report),
    }
    return [_saved(picture, directory / f"{name}.svg", says) for name, picture in pictures.items() if picture]


def _saved(figure: Figure, path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None, "Creator": None, "Description": f"figures: {says}"}
    figure.savefig(path, format="svg", metadata=metadata, bbox_inches="tight", facecolor="white")
    # an SVG is text that is kept in a repository
    path.write_text("\n".join(map(str.rstrip, path.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")
    return path


def _environment(report: Report) -> Figure | None:
    workloads = ("environment-139", "layer", "hardlink")
    panels = {
        filesystem: {name: median for each in workloads for name, median in _medians(report, each, filesystem).items()}
        for filesystem in report.filesystems("environment-139")
    }
    return _panels(panels, "seconds to a working environment of 139 packages")


def _first_result(report: Report) -> Figure | None:
    titles = {"first-run": "a dozen libraries imported", "collect": "tests of one library collected"}
    panels = {title: _medians(report, name, "btrfs") for name, title in titles.items()}
    return _panels(
        {title: bars for title, bars in panels.items() if bars}, "seconds from nothing to the first result, btrfs"
    )


def _disk(report: Report) -> Figure | None:
    panels = {
        filesystem: {
            "full copies": 10 * max(values["apparent"] for values in figures.values()) / 1e6,
            **{name: values["ten_after_sync"] / 1e6 for name, values in figures.items()},
        }
        for filesystem, figures in report.content["space"].items()
    }
    return _panels(panels, "MB that ten environments of 139 packages take (logarithmic)", logarithmic=True)


def _memory(report: Report) -> Figure | None:
    figures = report.content["memory"].get("btrfs", {})
    titles = {"pss_file": "file-backed PSS", "page_cache": "page cache"}
    panels = {title: {name: values[what] / 1e6 for name, values in figures.items()} for what, title in titles.items()}
    return _panels(panels if figures else {}, "MB of memory for five interpreters in five environments, btrfs")


def _growth(report: Report) -> Figure | None:
    from matplotlib.figure import Figure

    lines = {name: _points(report, name) for name in _LINES}
    if not any(len(points) > 1 for points in lines.values()):
        return None
    figure = Figure(figsize=(7, 3.6))
    axes = figure.subplots()
    for name, points in lines.items():
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", label=name, color=_LINES[name])
    axes.set(xscale="log", yscale="log", xlabel="files in the wheels", ylabel="seconds")
    axes.set_title("time to a working environment against its size, btrfs", loc="left")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False)
    _plain(axes)
    return figure


def _points(report: Report, candidate: str) -> list[tuple[int, float]]:
    medians = {
        size: report.median(f"environment-{size}", "btrfs", candidate)
        or report.median("growth", "btrfs", f"{candidate}, {size}")
        for size in report.content["files"]
    }
    return [(report.content["files"][size], median) for size, median in medians.items() if median is not None]


def _medians(report: Report, workload: str, filesystem: str) -> Bars:
    medians = {name: report.median(workload, filesystem, name) for name in report.candidates(workload, filesystem)}
    return {name: median for name, median in medians.items() if median is not None}


def _panels(panels: Mapping[str, Bars], title: str, *, logarithmic: bool = False) -> Figure | None:
    """Draw horizontal bars, one panel below the other, each of a height to its bars."""
    from matplotlib.figure import Figure

    if not panels:
        return None
    heights = [len(bars) for bars in panels.values()]
    figure = Figure(figsize=(7, 0.6 + 0.55 * len(panels) + 0.24 * sum(heights)), layout="constrained")
    rows = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (name, bars) in zip(rows, panels.items(), strict=True):
        drawn = axes.barh(list(bars), list(bars.values()), color=[_color(candidate) for candidate in bars])
        axes.bar_label(
            drawn, [f"{value:,.2f}" if value < 10 else f"{value:,.0f}" for value in bars.values()], padding=3
        )
        axes.set_title(name, loc="left", fontsize=9)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        if logarithmic:
            axes.set_xscale("log")
        _plain(axes)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _color(candidate: str) -> str:
    if candidate.startswith("limit"):
        return _LIMIT
    return _OURS if is_ours(candidate) else _PEER
