"""Environments from requirements beside venv, pip and uv: ``python -m benchmarks.installing [--json FILE]``.

On a new btrfs and a new XFS: ``python -m venv`` against ours, then an environment of 139 packages (``large.txt``) from
a lock and from remembered requirements against ``uv pip install --link-mode clone``, the same with bytecode and a
first run that imports a dozen libraries, and against what pip needs to resolve those requirements alone. All take the
wheels from one directory, so that no network is measured.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
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

LARGE = Path(__file__).with_name("large.txt")
IMPORTS = "numpy pandas scipy.stats matplotlib.pyplot sklearn.ensemble sqlalchemy django.db fastapi botocore.session"
FIRST_RUN = f"import {', '.join([*IMPORTS.split(), 'sympy', 'polars', 'pyarrow'])}"


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    insist_on_mounts("btrfs", "xfs")
    report: dict[str, object] = {"machine": machine("virtualenv-reflink", "virtualenv", "uv", "pip")}
    print(report["machine"])
    for filesystem in ("btrfs", "xfs"):
        with loop_mount(filesystem, 24576) as place:
            report[filesystem] = _measure(filesystem, place, options.rounds)
    write_report(options.json, report)


def _measure(filesystem: str, place: Path, rounds: int) -> dict[str, object]:
    environ = clean_environment(VIRTUALENV_WHEEL_CACHE=str(place / "cache"), UV_CACHE_DIR=str(place / "uv"))
    environ["VIRTUALENV_REMEMBER_FOR"] = "100000"
    ours, base = [sys.executable, "-m", "virtualenv_reflink"], sys.executable
    environment, lock = place / "env", place / "pylock.toml"
    python = str(environment / "bin" / "python")
    wheels = ["--no-index", "--find-links", str(place / "wheels")]
    download = [base, "-m", "pip", "download", "-q", "--no-deps", "-d", place / "wheels", "-r", LARGE]
    subprocess.run(download, check=True, env=environ)
    subprocess.run([*ours, "lock", "-q", "-o", lock, *wheels, "-r", LARGE], check=True, env=environ)

    def nothing() -> None:
        shutil.rmtree(environment, ignore_errors=True)

    def bare() -> None:
        nothing()
        subprocess.run([base, "-m", "venv", "--without-pip", environment], check=True, env=environ)

    figures: dict[str, object] = {}
    stdlib = "python -m venv"
    venvs = {
        stdlib: Candidate([[base, "-m", "venv", str(environment)]], nothing),
        "python -m virtualenv_reflink venv": Candidate([[*ours, "venv", str(environment)]], nothing),
        "python -m venv --without-pip": Candidate([[base, "-m", "venv", "--without-pip", str(environment)]], nothing),
    }
    figures["venv"] = show(f"{filesystem}: an environment with pip", measure(venvs, rounds, environ), stdlib)

    install = [*ours, "install", "-q", "-p", str(environment), "--link-mode", "clone", *wheels]
    from_lock, without = ["--lock", str(lock)], ["--no-compile-bytecode"]
    uv = ["uv", "pip", "install", "-q", "--link-mode", "clone", "-p", python, *wheels, "-r", str(LARGE)]
    peer = "uv pip install --link-mode clone"
    files = {
        peer: Candidate([uv], bare),
        "install --lock, without bytecode": Candidate([[*install, *from_lock, *without]], bare),
        "install -r, remembered, without bytecode": Candidate([[*install, "-r", str(LARGE), *without]], bare),
        "install --lock": Candidate([[*install, *from_lock]], bare),
    }
    figures["139 packages"] = show(f"{filesystem}: 139 packages", measure(files, rounds, environ), peer)

    figures["whole"] = _whole(filesystem, environment, lock, environ, rounds, nothing, wheels)

    run = [python, "-c", FIRST_RUN]
    few = max(1, rounds // 2)
    first = {
        f"{peer}, first run": Candidate([uv, run], bare),
        "install --lock, first run": Candidate([[*install, *from_lock], run], bare),
    }
    figures["first run"] = show(f"{filesystem}: to the first result", measure(first, few, environ), next(iter(first)))

    pip = [base, "-m", "pip", "--python", python, "install", "-q", "--dry-run", *wheels, "-r", str(LARGE)]
    resolving = {
        "pip resolves": Candidate([pip], bare),
        "install -r, remembered": Candidate([[*install, "-r", str(LARGE)]], bare),
        "install -r, remembered, --dry-run": Candidate([[*install, "-r", str(LARGE), "--dry-run"]], bare),
    }
    figures["resolving"] = show(f"{filesystem}: remembered", measure(resolving, few, environ), "pip resolves")
    return figures


def _whole(
    filesystem: str,
    environment: Path,
    lock: Path,
    environ: dict[str, str],
    rounds: int,
    nothing: Callable[[], None],
    wheels: list[str],
) -> dict[str, dict[str, float]]:
    """Measure making the environment and all that is in it."""
    make = ["uv", "venv", "-q", "-p", sys.executable, str(environment)]
    fill = ["uv", "pip", "install", "-q", "-p", str(environment / "bin" / "python"), *wheels, "-r", str(LARGE)]
    peers = {f"uv venv, uv pip install {mode}": [make, [*fill, "--link-mode", mode]] for mode in ("clone", "hardlink")}
    venv = [sys.executable, "-m", "virtualenv_reflink", "venv", "-q", "--with-requirements", str(lock)]
    modes = ["clone", "layer", *(["snapshot"] if filesystem == "btrfs" else [])]
    ours = {f"venv --link-mode {mode}": [[*venv, "--link-mode", mode, str(environment)]] for mode in modes}
    candidates = {name: Candidate(commands, nothing) for name, commands in {**peers, **ours}.items()}
    times = measure(candidates, rounds, environ)
    return show(f"{filesystem}: an environment with 139 packages", times, next(iter(peers)))


if __name__ == "__main__":
    main()
