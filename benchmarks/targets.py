"""What this project promises, each with the figure of a run beside it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import NamedTuple

from benchmarks.report import Report

Figure = Callable[[Report], "float | None"]
_MEBIBYTE = 1 << 20


class Target(NamedTuple):
    """A figure that is to be at most ``limit``."""

    promise: str
    limit: float
    unit: str
    figure: Figure


class Judged(NamedTuple):
    """A target with its figure, None when that was not measured."""

    target: Target
    figure: float | None

    @property
    def told(self) -> str:
        """The figure with its unit."""
        return "" if self.figure is None else f"{self.figure:.3g} {self.target.unit}".strip()

    @property
    def verdict(self) -> str:
        """Say on which side of the target the figure is."""
        if self.figure is None:
            return "not applicable"
        return "ahead" if self.figure <= self.target.limit else "**behind**"


def judged(report: Report) -> list[Judged]:
    """Return all targets with their figures."""
    return [Judged(target, target.figure(report)) for target in _targets()]


def _targets() -> Iterator[Target]:
    for filesystem in ("btrfs", "xfs"):
        yield _ratio(
            f"139 packages in clone mode, without bytecode, to the limit program, {filesystem}",
            1.25,
            ("environment-139", filesystem, "ours, clone, no bytecode", "limit, no bytecode"),
        )
        yield _ratio(
            f"139 packages from a lock in clone mode, without bytecode, to uv pip install, {filesystem}",
            1.0,
            ("install", filesystem, "install --lock, clone", "uv pip install, clone"),
        )
        yield _ratio(
            f"139 packages from remembered requirements, likewise, {filesystem}",
            1.0,
            ("install", filesystem, "install -r, clone, remembered", "uv pip install, clone"),
        )
    for mode, filesystem in _CONSTANT_TIME:
        if filesystem != "ext4":
            yield _ratio(
                f"139 packages in {mode} mode to uv in clone mode, {filesystem}",
                0.1,
                ("environment-139", filesystem, f"ours, {mode}", "uv, clone, no bytecode"),
            )
        yield _ratio(
            f"139 packages in {mode} mode to uv in hardlink mode, {filesystem}",
            0.2,
            ("environment-139", filesystem, f"ours, {mode}", "uv, hardlink, no bytecode"),
        )
    for mode in ("snapshot", "layer"):
        promise = f"10, 139 and 400 packages in {mode} mode, slowest to fastest, btrfs"
        yield Target(promise, 1.5, "", _growth("btrfs", mode))
    for mode, filesystem in _CONSTANT_TIME:
        yield _ratio(
            f"virtualenv's seeds in {mode} mode to --no-seed, {filesystem}",
            1.10,
            ("seeds", filesystem, f"virtualenv --seeder reflink, {mode}", "virtualenv --no-seed"),
        )
    for filesystem in ("btrfs", "xfs"):
        yield _ratio(
            f"virtualenv's seeds in clone mode to --no-seed, {filesystem}",
            1.35,
            ("seeds", filesystem, "virtualenv --seeder reflink, clone", "virtualenv --no-seed"),
        )
    for mode, filesystem in _CONSTANT_TIME:
        yield Target(
            f"our venv beyond python -m venv --without-pip, {mode} mode, {filesystem}",
            30,
            "ms",
            _share(filesystem, mode),
        )
    for filesystem in ("btrfs", "xfs"):
        yield _ratio(
            f"our venv in clone mode to python -m venv, {filesystem}",
            1 / 30,
            ("venv", filesystem, "python -m virtualenv_reflink venv, clone", "python -m venv"),
        )
    yield _ratio(
        "139 packages with bytecode and a first run to uv's, btrfs",
        0.4,
        ("first-run", "btrfs", "ours, clone", "uv, clone"),
    )
    yield _ratio(
        "139 packages from remembered requirements to pip's resolving alone, btrfs",
        0.05,
        ("resolve", "btrfs", "ours, snapshot, remembered", "pip resolves, installs nothing"),
    )
    shared = "ours, clone, shared memory"
    yield Target("five interpreters, file-backed PSS, layer to clone", 0.3, "", _memory("pss_file", "ours, layer"))
    yield Target("five interpreters, page cache, layer to clone", 0.5, "", _memory("page_cache", "ours, layer"))
    yield Target("five interpreters, file-backed PSS, shared memory to clone", 0.3, "", _memory("pss_file", shared))
    for mode in ("snapshot", "layer"):
        name = f"ours, {mode}"
        yield Target(f"disk of each of a hundred environments, {mode} mode", 1.0, "MiB", _hundred(name, "bytes_each"))
        yield Target(f"of a hundred environments, those that do not work, {mode} mode", 0, "", _hundred(name, "works"))


_CONSTANT_TIME = (("snapshot", "btrfs"), ("layer", "btrfs"), ("layer", "xfs"), ("layer", "ext4"))


def _ratio(promise: str, limit: float, of: tuple[str, str, str, str]) -> Target:
    return Target(promise, limit, "", lambda report: report.ratio(*of))


def _growth(filesystem: str, mode: str) -> Figure:
    def figure(report: Report) -> float | None:
        medians = [report.median("growth", filesystem, f"ours, {mode}, {name}") for name in ("10", "139", "400")]
        known = [median for median in medians if median is not None]
        return max(known) / min(known) if len(known) == len(medians) else None

    return figure


def _share(filesystem: str, mode: str) -> Figure:
    def figure(report: Report) -> float | None:
        ours = report.walls("venv", filesystem, f"python -m virtualenv_reflink venv, {mode}")
        bare = report.walls("venv", filesystem, "python -m venv --without-pip")
        if not ours or not bare:
            return None
        return statistics.median(one - other for one, other in zip(ours, bare, strict=True)) * 1000

    return figure


def _memory(what: str, name: str) -> Figure:
    def figure(report: Report) -> float | None:
        figures = report.content["memory"].get("btrfs", {})
        shared, clone = figures.get(name), figures.get("ours, clone")
        return float(shared[what] / clone[what]) if shared and clone else None

    return figure


def _hundred(name: str, what: str) -> Figure:
    def figure(report: Report) -> float | None:
        figures = report.content["hundred"].get("btrfs", {}).get(name)
        if not figures:
            return None
        return float(figures[what]) / _MEBIBYTE if what == "bytes_each" else 100.0 - float(figures[what])

    return figure
