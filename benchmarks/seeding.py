"""Whole-process time of seeding an environment, side by side: ``python -m benchmarks.seeding [--json FILE]``.

Each candidate runs in turn, A B C A B C, on a new btrfs and a new XFS; the table gives the median and the range in
milliseconds, and the median of the ratios to ``virtualenv --no-seed`` taken round by round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from tests.support.loop_mounts import loop_mount, why_no_mounts

ROUNDS = 15
BASELINE = "virtualenv --no-seed"


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    report: dict[str, object] = {"machine": _machine()}
    print(json.dumps(report["machine"]))
    for filesystem in ("btrfs", "xfs"):
        missing = why_no_mounts(filesystem)
        if missing:
            sys.exit(f"{filesystem} cannot be measured: {missing}")
        with loop_mount(filesystem, 4096) as place:
            report[filesystem] = _show(filesystem, _measure(place, options.rounds))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _machine() -> dict[str, object]:
    packages = {name: version(name) for name in ("virtualenv", "virtualenv-reflink")}
    return {"python": platform.python_version(), "kernel": platform.release(), "cpus": os.cpu_count(), **packages}


def _candidates(place: Path) -> dict[str, list[str]]:
    without_us = _tool_environment(place / "without", [f"virtualenv=={version('virtualenv')}"])
    with_us = _tool_environment(place / "with", [f"virtualenv=={version('virtualenv')}", str(Path.cwd())])
    reflink = [with_us, "--seeder", "reflink", "--wheel-cache", str(place / "cache")]
    return {
        BASELINE: [with_us, "--no-seed"],
        "virtualenv (default seeder)": [with_us],
        "virtualenv --seeder reflink": [*reflink, "--link-mode", "clone"],
        "  the same, --no-compile-bytecode": [*reflink, "--link-mode", "clone", "--no-compile-bytecode"],
        "virtualenv --no-seed, plugin not installed": [without_us, "--no-seed"],
    }


def _tool_environment(directory: Path, requirements: list[str]) -> str:
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
    subprocess.run([directory / "bin" / "pip", "install", "--quiet", *requirements], check=True)
    return str(directory / "bin" / "virtualenv")


def _measure(place: Path, rounds: int) -> dict[str, list[float]]:
    """Return the whole-process times in milliseconds of each candidate, after one warming round."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUALENV_", "PYTHON"))}
    environ["VIRTUALENV_OVERRIDE_APP_DATA"] = str(place / "app-data")
    candidates = _candidates(place)
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(-1, rounds):
        for name, command in candidates.items():
            target = place / "env"
            start = time.perf_counter()
            subprocess.run([*command, "--quiet", "--no-periodic-update", str(target)], check=True, env=environ)
            elapsed = (time.perf_counter() - start) * 1000
            shutil.rmtree(target)
            if number >= 0:
                times[name].append(elapsed)
    return times


def _show(filesystem: str, times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    print(f"\n{filesystem:44} median      min..max   ratio")
    figures = {}
    for name, values in times.items():
        ratio = statistics.median(value / base for value, base in zip(values, times[BASELINE], strict=True))
        median = statistics.median(values)
        figures[name.strip()] = {"median_ms": median, "min_ms": min(values), "max_ms": max(values), "ratio": ratio}
        print(f"{name:44} {median:6.0f} {min(values):6.0f}..{max(values):<6.0f} {ratio:5.2f}")
    return figures


if __name__ == "__main__":
    main()
