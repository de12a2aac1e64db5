"""Whole-process times of several candidates, each in turn: A B C A B C."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmarks.loop_mounts import why_no_mounts
from benchmarks.processes import Command, Cost, run


class Candidate(NamedTuple):
    """What is timed: commands one after the other, once ``prepare`` has made room for them."""

    commands: Sequence[Command]
    prepare: Callable[[], None]


def take_turns(
    candidates: Mapping[str, Candidate], rounds: int, environ: Mapping[str, str], warming: int = 1
) -> dict[str, list[Cost]]:
    """Return what each candidate cost in each round, after so many warming rounds."""
    costs: dict[str, list[Cost]] = {name: [] for name in candidates}
    for number in range(-warming, rounds):
        for name, (commands, prepare) in candidates.items():
            prepare()
            os.sync()
            spent = [run(command, environ) for command in commands]
            if number >= 0:
                costs[name].append(Cost(sum(cost.wall for cost in spent), sum(cost.cpu for cost in spent)))
    return costs


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios taken round by round."""
    return statistics.median(value / other for value, other in zip(values, others, strict=True))


def measure(candidates: Mapping[str, Candidate], rounds: int, environ: Mapping[str, str]) -> dict[str, list[float]]:
    """Return the wall times of each candidate in milliseconds, after one warming round."""
    costs = take_turns(candidates, rounds, environ)
    return {name: [cost.wall * 1000 for cost in spent] for name, spent in costs.items()}


def show(title: str, times: Mapping[str, list[float]], baseline: str) -> dict[str, dict[str, float]]:
    """Print and return median, range, and the median of the ratios to ``baseline`` taken round by round."""
    print(f"\n{title:52} median ms      min..max    ratio")
    figures = {}
    for name, values in times.items():
        to_baseline, median = ratio(values, times[baseline]), statistics.median(values)
        figures[name.strip()] = {
            "median_ms": median,
            "min_ms": min(values),
            "max_ms": max(values),
            "ratio": to_baseline,
        }
        print(f"{name:52} {median:9.0f} {min(values):8.0f}..{max(values):<8.0f} {to_baseline:6.3f}", flush=True)
    return figures


def machine(*packages: str) -> dict[str, object]:
    """What the figures were taken on."""
    versions = {name: version(name) for name in packages}
    return {"python": platform.python_version(), "kernel": platform.release(), "cpus": os.cpu_count(), **versions}


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without what would change the settings of the candidates."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUALENV_", "PYTHON", "UV_"))}
    return {**kept, **more}


def require_mounts(*filesystems: str) -> None:
    """Leave with a clear message where one of them cannot be mounted."""
    for filesystem in filesystems:
        missing = why_no_mounts(filesystem)
        if missing:
            sys.exit(f"{filesystem} cannot be measured: {missing}")


def write_report(path: Path | None, report: Mapping[str, object]) -> None:
    """Write the figures as JSON where that is wanted."""
    if path:
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
