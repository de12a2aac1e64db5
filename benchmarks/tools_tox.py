"""``tox run -r`` of four environments beside plain tox and tox-uv: ``python -m benchmarks.tools_tox [--json FILE]``.

On a new btrfs: 3.10 to 3.13 with pytest, coverage, mypy and a handful of libraries, everything warm. Each environment
runs one test, of a package that imports two of the libraries. Figures are the time until that of the last environment
starts, and the time of the whole run; then the disk that the matrix takes with plain tox and with ours.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.default_mode import default_mode
from benchmarks.loop_mounts import loop_mount, used_bytes
from benchmarks.processes import Command, CommandError, run
from benchmarks.rounds import clean_environment, machine, require_mounts, show, write_report
from benchmarks.toolbox import make_toolbox, python_on_path

DEPS = ("pytest", "coverage", "mypy", "attrs", "requests", "rich", "click", "jinja2", "pyyaml")
PLAIN, UV, OURS = "tox", "tox with tox-uv", "tox, runner = reflink"
SNAPSHOT = f"{OURS}, reflink_link_mode = snapshot"
LAYER = f"{OURS}, reflink_link_mode = layer"


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    require_mounts("btrfs")
    report: dict[str, object] = {"machine": machine("virtualenv-reflink", "virtualenv")}
    print(report["machine"])
    try:
        with loop_mount("btrfs", 8192) as place:
            report["btrfs"] = _measure(place, options.rounds)
    except CommandError as error:
        sys.exit(str(error))
    write_report(options.json, report)


def _measure(place: Path, rounds: int) -> dict[str, object]:
    environ = clean_environment(
        VIRTUALENV_WHEEL_CACHE=str(place / "cache"),
        UV_CACHE_DIR=str(place / "uv"),
        UV_LINK_MODE="clone",
        PIP_CACHE_DIR=str(place / "pip"),
        VIRTUALENV_REMEMBER_FOR="100000",
    )
    _download(place / "wheels", environ)
    environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(place / "wheels")}
    environ |= {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(place / "wheels")}
    project = _project(place / "project")
    with_uv = make_toolbox(place / "with-uv", clean_environment(), "tox", "tox-uv")
    without = make_toolbox(place / "tools", clean_environment(), "tox")

    def tox(tools: Path, runner: str, work: str, *more: str) -> list[str]:
        command = [str(tools / "tox"), "run", "-r", "-c", str(project / "tox.ini"), "--runner", runner]
        return [*command, *more, "--workdir", str(place / work)]

    candidates = {
        PLAIN: tox(without, "virtualenv", "plain"),
        UV: tox(with_uv, "uv-venv-runner", "peer"),
        OURS: tox(without, "reflink", "ours"),
        SNAPSHOT: tox(without, "reflink", "snapshot", "-x", "testenv.reflink_link_mode=snapshot"),
        LAYER: tox(without, "reflink", "layer", "-x", "testenv.reflink_link_mode=layer"),
    }
    until_test, whole = _take_turns(candidates, rounds, environ, project / "started")
    figures: dict[str, object] = {"default_mode": default_mode(place, environ)}
    for what, times in (("until the test", until_test), ("whole run", whole)):
        for peer in (PLAIN, UV):
            figures[f"{what}, to {peer}"] = show(f"btrfs: tox run -r, {what}, to {peer}", times, peer)
    figures["disk"] = _disk(place, {name: candidates[name] for name in (PLAIN, OURS)}, environ)
    return figures


def _take_turns(
    candidates: Mapping[str, Command], rounds: int, environ: Mapping[str, str], started: Path
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return the milliseconds until the last test starts, and of the whole run, after one warming round."""
    until_test: dict[str, list[float]] = {name: [] for name in candidates}
    whole: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(-1, rounds):
        for name, command in candidates.items():
            os.sync()
            start = time.time()
            cost = run(command, environ)
            if number >= 0:
                until_test[name].append((float(started.read_text()) - start) * 1000)
                whole[name].append(cost.wall * 1000)
    return until_test, whole


def _disk(place: Path, candidates: Mapping[str, Command], environ: dict[str, str]) -> dict[str, int]:
    """Return the bytes that another matrix takes, once the caches are warm."""
    figures = {}
    for number, (name, command) in enumerate(candidates.items()):
        before = used_bytes(place)
        run([*command[:-1], str(place / f"disk-{number}")], environ)
        figures[name] = used_bytes(place) - before
        print(f"{name:52} {figures[name] / 1e6:9.1f} MB {figures[name] / figures[PLAIN]:6.3f}")
    return figures


def _download(wheels: Path, environ: dict[str, str]) -> None:
    """Fetch the wheels for each Python, so that no network is measured."""
    for minor in (10, 11, 12, 13):
        python = python_on_path(f"3.{minor}")
        pip = [sys.executable, "-m", "pip", "--python", python, "download", "-q", "--only-binary=:all:"]
        subprocess.run([*pip, "-d", str(wheels), *DEPS, "hatchling"], check=True, env=environ)


def _project(root: Path) -> Path:
    (root / "demo").mkdir(parents=True)
    (root / "demo" / "__init__.py").write_text("import attrs, rich.console\n")
    (root / "test_demo.py").write_text(
        "import pathlib, time, demo\n\n"
        "def test_demo():\n    pathlib.Path(__file__).with_name('started').write_text(str(time.time()))\n"
    )
    (root / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n"
        "[project]\nname = 'demo'\nversion = '1'\ndependencies = ['attrs', 'rich']\n"
    )
    (root / "tox.ini").write_text(
        "[tox]\nenv_list = py{310,311,312,313}\n[testenv]\npackage = wheel\nwheel_build_env = .pkg\n"
        "pass_env =\n    PIP_*\n    UV_*\ndeps =\n"
        + "".join(f"    {name}\n" for name in DEPS)
        + "commands = python -m pytest -q -p no:cacheprovider test_demo.py\n"
    )
    return root


if __name__ == "__main__":
    main()
