"""Targets and verdicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.report import Report

Figure = Callable[[Report], "float | None"]
"""What a run says, None where it did not measure that."""
Reason = Callable[[Report], "str | None"]
"""Why what a run says does not count here, or why it says nothing; None where neither is known."""


class Target(NamedTuple):
    """A figure that is to be at most ``limit``."""

    promise: str
    limit: float
    unit: str
    figure: Figure
    why_not: Reason = lambda _: None


class Judged(NamedTuple):
    """A target with its figure."""

    target: Target
    figure: float | None
    why_not: str | None = None

    @property
    def told(self) -> str:
        """The figure with its unit."""
        return "" if self.figure is None else f"{self.figure:.3g} {self.target.unit}".strip()

    @property
    def verdict(self) -> str:
        """Say on which side of the target the figure is."""
        if self.why_not is not None:
            return f"not applicable: {self.why_not}"
        if self.figure is None:
            return "not measured"
        return "ahead" if self.figure <= self.target.limit else "**behind**"


def judge(target: Target, report: Report) -> Judged:
    """Return a target with its figure of a run."""
    return Judged(target, target.figure(report), target.why_not(report))
