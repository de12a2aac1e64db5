"""Whole-process time of seeding an environment, side by side: ``python -m benchmarks.seeding [--json FILE]``.

Each candidate runs in turn, A B C A B C, on a new btrfs and a new XFS; the table gives the median and the range in
milliseconds, and the median of the ratios to ``virtualenv --no-seed`` taken round by round.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.rounds import (
    Candidate,
    clean_environment,
    insist_on_mounts,
    machine,
    measure,
    show,
    write_report,
)
from tests.support.loop_mounts import loop_mount

BASELINE = "virtualenv --no-seed"


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    insist_on_mounts("btrfs", "xfs")
    report: dict[str, object] = {"machine": machine("virtualenv", "virtualenv-reflink")}
    print(report["machine"])
    for filesystem in ("btrfs", "xfs"):
        with loop_mount(filesystem, 4096) as place:
            environ = clean_environment(VIRTUALENV_OVERRIDE_APP_DATA=str(place / "app-data"))
            times = measure(_candidates(place), options.rounds, environ)
            report[filesystem] = show(filesystem, times, BASELINE)
    write_report(options.json, report)


def _candidates(place: Path) -> dict[str, Candidate]:
    without_us = _tool_environment(place / "without", [f"virtualenv=={version('virtualenv')}"])
    with_us = _tool_environment(place / "with", [f"virtualenv=={version('virtualenv')}", str(Path.cwd())])
    reflink = [with_us, "--seeder", "reflink", "--wheel-cache", str(place / "cache"), "--link-mode", "clone"]
    environment = place / "env"

    def candidate(*command: str) -> Candidate:
        words = [*command, "--quiet", "--no-periodic-update", str(environment)]
        return Candidate([words], lambda: shutil.rmtree(environment, ignore_errors=True))

    return {
        BASELINE: candidate(with_us, "--no-seed"),
        "virtualenv (default seeder)": candidate(with_us),
        "virtualenv --seeder reflink": candidate(*reflink),
        "  the same, --no-compile-bytecode": candidate(*reflink, "--no-compile-bytecode"),
        "virtualenv --no-seed, plugin not installed": candidate(without_us, "--no-seed"),
    }


def _tool_environment(directory: Path, requirements: list[str]) -> str:
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
    subprocess.run([directory / "bin" / "pip", "install", "--quiet", *requirements], check=True)
    return str(directory / "bin" / "virtualenv")


if __name__ == "__main__":
    main()
