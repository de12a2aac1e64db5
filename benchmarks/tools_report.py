"""The committed runs of ``tools_tox`` and ``tools_pipx``, and what this project promises beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import tools_pipx, tools_tox
from benchmarks.default_mode import why_other
from benchmarks.judging import Judged, Target
from benchmarks.report import RESULT

COMMANDS = tuple(f"python -m benchmarks.tools_{tool} --json benchmarks/results/{tool}.json" for tool in ("tox", "pipx"))


class Table(NamedTuple):
    """Figures under a heading; each row is what was measured, and the figure with its unit."""

    heading: str
    rows: list[tuple[str, str]]


class ToolsReport:
    """Times are in milliseconds, sizes in bytes; all on btrfs."""

    def __init__(self, directory: Path = RESULT.parent) -> None:
        """Read the files of both runs.

        :raises OSError: when one is missing.
        """
        self._tox: dict[str, Any] = json.loads((directory / "tox.json").read_text(encoding="utf-8"))["btrfs"]
        self._pipx: dict[str, Any] = json.loads((directory / "pipx.json").read_text(encoding="utf-8"))

    def tables(self) -> Iterator[Table]:
        """Yield what was measured."""
        until_test = self._tox[f"until the test, to {tools_tox.PLAIN}"]
        yield Table("tox run -r of four environments, until the last test starts", _times(until_test))
        yield Table("pipx install black", _times(self._pipx["install black"]))
        yield Table("disk of four environments of tox", _sizes(self._tox["disk"]))
        yield Table("disk of ten tools of pipx", _sizes(self._pipx["disk"]))

    def judged(self) -> Iterator[Judged]:
        """Yield the targets with their figures."""
        by_snapshot = why_other(self._tox.get("default_mode"), "snapshot")
        for runner, peer, limit, why_not in (
            (tools_tox.OURS, tools_tox.UV, 0.5, by_snapshot),
            (tools_tox.SNAPSHOT, tools_tox.UV, 0.5, None),
            (tools_tox.LAYER, tools_tox.UV, 0.8, None),
            (tools_tox.OURS, tools_tox.PLAIN, 0.25, None),
            (tools_tox.LAYER, tools_tox.PLAIN, 0.25, None),
        ):
            figure = self._tox[f"until the test, to {peer}"].get(runner, {}).get("ratio")
            yield _judged(f"four environments until the last test starts, {runner}, to {peer}", limit, figure, why_not)
        disk = self._tox["disk"]
        yield _judged("disk of such a matrix to plain tox", 0.1, disk[tools_tox.OURS] / disk[tools_tox.PLAIN])
        yield _judged("pipx-reflink install black to pipx", 0.3, self._pipx["install black"][tools_pipx.OURS]["ratio"])
        disk = self._pipx["disk"]
        warm = disk[f"{tools_pipx.OURS}, all in its cache"]
        yield _judged("disk of ten tools to pipx, wheels in the cache", 0.1, warm / disk[tools_pipx.PLAIN])


def _judged(promise: str, limit: float, figure: float | None, why_not: str | None = None) -> Judged:
    return Judged(Target(promise, limit, "", lambda _: figure), figure, why_not)


def _times(figures: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str]]:
    return [(name, f"{figure['median_ms']:,.0f} ms ({figure['ratio']:.2f})") for name, figure in figures.items()]


def _sizes(figures: Mapping[str, float]) -> list[tuple[str, str]]:
    first = next(iter(figures.values()))
    return [(name, f"{used / 1e6:,.1f} MB ({used / first:.2f})") for name, used in figures.items()]
