"""What targets are about: figures of a run, and why one does not count."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.default_mode import why_other
from benchmarks.judging import Figure, Reason, Target
from benchmarks.report import Report

_MEBIBYTE = 1 << 20


class Compared(NamedTuple):
    """Two candidates of a workload on a filesystem."""

    workload: str
    filesystem: str
    name: str
    other: str


def ratio(promise: str, limit: float, of: Compared, needs_mode: str | None = None) -> Target:
    """Return a target for the median of the ratios, round by round.

    ``needs_mode`` is the link mode that the default one has to come to for the target to apply.
    """
    return Target(promise, limit, "", lambda report: report.ratio(*of), _reason(of, needs_mode))


def beyond(promise: str, milliseconds: float, of: Compared) -> Target:
    """Return a target for the median of the differences, round by round."""

    def figure(report: Report) -> float | None:
        ours, other = (report.walls(of.workload, of.filesystem, name) for name in (of.name, of.other))
        if not ours or not other:
            return None
        return statistics.median(one - another for one, another in zip(ours, other, strict=True)) * 1000

    return Target(promise, milliseconds, "ms", figure, _reason(of))


def median(promise: str, seconds: float, workload: str, filesystem: str, name: str) -> Target:
    """Return a target for the median of the times of one candidate."""
    of = Compared(workload, filesystem, name, name)
    return Target(promise, seconds, "s", lambda report: report.median(*of[:3]), _reason(of))


def growth(promise: str, limit: float, names: Sequence[str], needs_mode: str | None = None) -> Target:
    """Return a target for the median times of candidates of "growth" on btrfs, slowest to fastest."""

    def figure(report: Report) -> float | None:
        medians = [report.median("growth", "btrfs", name) for name in names]
        known = [each for each in medians if each is not None]
        return max(known) / min(known) if len(known) == len(medians) else None

    return Target(promise, limit, "", figure, _reason(Compared("growth", "btrfs", *names[:2]), needs_mode))


def memory(what: str, name: str) -> Figure:
    """Return what a candidate needs in relation to clones."""

    def figure(report: Report) -> float | None:
        figures = report.content["memory"].get("btrfs", {})
        shared, clone = figures.get(name), figures.get("ours, clone")
        return float(shared[what] / clone[what]) if shared and clone else None

    return figure


def hundred(name: str, what: str) -> Figure:
    """Return the mebibytes that each of a hundred environments takes, or how many do not work."""

    def figure(report: Report) -> float | None:
        figures = report.content["hundred"].get("btrfs", {}).get(name)
        if not figures:
            return None
        return float(figures[what]) / _MEBIBYTE if what == "bytes_each" else 100.0 - float(figures[what])

    return figure


def _reason(of: Compared, needs_mode: str | None = None) -> Reason:
    def reason(report: Report) -> str | None:
        left_out = report.why_left_out(f"{of.workload}, {of.filesystem}")
        if left_out is not None or needs_mode is None:
            return left_out
        return why_other(report.content.get("default_mode", {}).get(of.filesystem), needs_mode)

    return reason
