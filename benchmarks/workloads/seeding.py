"""Environments with what virtualenv or the standard library's venv put into them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import Command
from benchmarks.rounds import clean_environment
from benchmarks.setting import Setting, link_mode
from benchmarks.toolbox import make_toolbox, python_on_path
from benchmarks.workloads.workload import Candidates, anew

OLDER = "3.11"
"""The last Python whose seeds are pip and setuptools."""


def seeds(setting: Setting) -> Candidates:
    """An environment with its seeds, by virtualenv."""
    modes = ["clone" if setting.clones else "copy", *setting.constant_time_modes]
    return anew(setting, _virtualenvs(Path(sys.executable).parent, setting, modes))


def older_seeds(setting: Setting) -> Candidates:
    """The same, by a virtualenv that runs on an older Python and makes environments of that."""
    return anew(setting, _virtualenvs(_older_scripts(setting), setting, ["clone"]))


def _virtualenvs(scripts: Path, setting: Setting, modes: Sequence[str]) -> dict[str, list[Command]]:
    tool = [str(scripts / "virtualenv"), "--quiet", "--no-periodic-update"]
    options = {"virtualenv --no-seed": ["--no-seed"], "virtualenv": ["--seeder", "app-data"]}
    options |= {f"virtualenv --seeder reflink, {mode}": ["--seeder", "reflink", *link_mode(mode)] for mode in modes}
    return {name: [[*tool, *words, setting.environment]] for name, words in options.items()}


def venv(setting: Setting) -> Candidates:
    """An environment with pip, by the standard library's interface."""
    modes = ["clone" if setting.clones else "copy", *setting.constant_time_modes]
    commands = {
        **_venvs(sys.executable, setting, modes),
        "python -m venv --without-pip": [setting.bare_venv],
    }
    if setting.uv:
        uv = [setting.uv, "venv", "-q", "--offline", "-p", sys.executable]
        commands["uv venv, no pip"] = [[*uv, setting.environment]]
    return anew(setting, commands)


def older_venv(setting: Setting) -> Candidates:
    """An environment with pip and setuptools, likewise, by and for an older Python."""
    return anew(setting, _venvs(str(_older_scripts(setting) / "python"), setting, ["default"]))


def _venvs(python: str, setting: Setting, modes: Sequence[str]) -> dict[str, list[Command]]:
    ours = [python, "-m", "virtualenv_reflink", "venv", "-q"]
    commands: dict[str, list[Command]] = {"python -m venv": [[python, "-m", "venv", setting.environment]]}
    for mode in modes:
        name = f"python -m virtualenv_reflink venv, {mode}"
        commands[name] = [[*ours, *link_mode(mode), setting.environment]]
    return commands


def _older_scripts(setting: Setting) -> Path:
    """Return where this project is installed for the older Python; it is made once a run.

    :raises CommandError: when there is no such Python.
    """
    directory = setting.packages.directory / f"python{OLDER}"
    if directory.exists():
        return directory / "bin"
    environ = clean_environment(VIRTUALENV_WHEEL_CACHE=str(setting.packages.directory / "tools-cache"))
    return make_toolbox(directory, environ, python=python_on_path(OLDER))
