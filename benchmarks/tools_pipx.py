"""``pipx-reflink`` beside pipx with pip and with uv: ``python -m benchmarks.tools_pipx [--json FILE]``.

On a new btrfs: the time to install black with everything warm, and the disk that ten tools take. All take the wheels
from one directory, so that no network is measured.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.loop_mounts import loop_mount, used_bytes
from benchmarks.rounds import (
    Candidate,
    clean_environment,
    machine,
    measure,
    require_mounts,
    show,
    write_report,
)

TOOLS = ("black", "pycowsay", "httpie", "tox", "nox", "pre-commit", "build", "twine", "cookiecutter", "mypy")
PLAIN, UV, OURS = "pipx, pip backend", "pipx, uv backend", "pipx-reflink"


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    require_mounts("btrfs")
    report: dict[str, object] = {"machine": machine("virtualenv-reflink", "pipx", "uv", "pip")}
    print(report["machine"])
    with loop_mount("btrfs", 8192) as place:
        environ = _environment(place)
        report["install black"] = _time(place, environ, options.rounds)
    with loop_mount("btrfs", 8192) as place:
        report["disk"] = _disk(place, _environment(place))
    write_report(options.json, report)


def _environment(place: Path) -> dict[str, str]:
    pip = [sys.executable, "-m", "pip", "download", "-q", "-d", place / "wheels", "pip", "setuptools", *TOOLS]
    subprocess.run(pip, check=True)
    wheels = str(place / "wheels")
    inherited = {name: value for name, value in clean_environment().items() if not name.startswith(("PIP_", "PIPX_"))}
    return {
        **inherited,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheels,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CACHE_DIR": str(place / "pip"),
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": wheels,
        "UV_CACHE_DIR": str(place / "uv"),
        "VIRTUALENV_WHEEL_CACHE": str(place / "cache"),
        "VIRTUALENV_REMEMBER_FOR": "100000",
    }


def _command(name: str, home: Path) -> list[str]:
    scripts = Path(sys.executable).parent
    places = [f"PIPX_{what}={home / what.lower()}" for what in ("HOME", "BIN_DIR", "MAN_DIR", "COMPLETIONS_DIR")]
    start = ["env", *places, str(scripts / ("pipx-reflink" if name.startswith(OURS) else "pipx")), "install", "--quiet"]
    return start if name.startswith(OURS) else [*start, "--backend", "uv" if name == UV else "pip"]


def _time(place: Path, environ: Mapping[str, str], rounds: int) -> dict[str, dict[str, float]]:
    forgetful = f"{OURS}, not remembered"
    candidates = {}
    for name in (PLAIN, UV, OURS, forgetful):
        home = place / name.replace(" ", "-")
        command = _command(name, home)
        # shared libraries are made once, by the first tool
        subprocess.run([*command, "pycowsay"], check=True, env=dict(environ))
        forget = ["env", "VIRTUALENV_REMEMBER_FOR=0"] if name == forgetful else []

        def nothing(home: Path = home) -> None:
            shutil.rmtree(home / "home" / "venvs" / "black", ignore_errors=True)
            shutil.rmtree(home / "bin_dir", ignore_errors=True)

        candidates[name] = Candidate([[*forget, *command, "black"]], nothing)
    return show("btrfs: install black", measure(candidates, rounds, environ), PLAIN)


def _disk(place: Path, environ: Mapping[str, str]) -> dict[str, float]:
    print(f"\n{'btrfs: ten tools':52} {'used':>9}      ratio")
    plain = _used_by(place, _command(PLAIN, place / "plain"), environ)
    figures = {PLAIN: plain}
    for name in (UV, OURS):
        first, second = (_command(name, place / name / home) for home in ("first", "second"))
        figures[f"{name}, with what it puts into its cache"] = _used_by(place, first, environ)
        figures[f"{name}, all in its cache"] = _used_by(place, second, environ)
    for name, used in figures.items():
        print(f"{name:52} {used / 1e6:6.1f} MB {used / plain:10.3f}", flush=True)
    return figures


def _used_by(place: Path, command: Sequence[str], environ: Mapping[str, str]) -> float:
    before = used_bytes(place)
    for tool in TOOLS:
        subprocess.run([*command, tool], check=True, env=dict(environ), stdout=subprocess.DEVNULL)
    return used_bytes(place) - before


if __name__ == "__main__":
    main()
