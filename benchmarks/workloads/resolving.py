"""From requirements to what is to be installed."""

from __future__ import annotations

import sys

from benchmarks.setting import Setting
from benchmarks.workloads.workload import Candidates


def remembered(setting: Setting) -> Candidates:
    """What pip takes to resolve 139 packages, and what we take to make the environment of what is remembered."""
    requirements = [*setting.packages.sources, "-r", str(setting.packages.requirements("139"))]
    ours = [sys.executable, "-m", "virtualenv_reflink", "venv", "-q", "--without-pip"]
    named = ["--with-requirements", str(setting.packages.requirements("139"))]
    environ = ["PIP_NO_INDEX=1", f"PIP_FIND_LINKS={setting.packages.wheels}"]
    candidates = {"pip resolves, installs nothing": setting.into_bare([[*_pip(setting), *requirements]])}
    for mode in ["clone", *setting.constant_time_modes]:
        command = ["env", *environ, *ours, "--link-mode", mode, *named, str(setting.environment)]
        candidates[f"ours, {mode}, remembered"] = setting.anew([command])
    return candidates


def resolvers(setting: Setting) -> Candidates:
    """139 names resolved by what an index tells, with nothing remembered but its pages."""
    requirements = ["--index-url", setting.packages.index, "-r", str(setting.packages.names("139"))]
    ours = [sys.executable, "-m", "virtualenv_reflink", "install", "-q", "--dry-run", "-p", setting.python()]
    commands = {"pip resolves, installs nothing": [*_pip(setting), *requirements]}
    if setting.uv:
        words = ["--resolver", "uv", "--remember-for", "0"]
        commands["ours, --resolver uv, installs nothing"] = [*ours, *words, *requirements]
    return {name: setting.into_bare([command]) for name, command in commands.items()}


def _pip(setting: Setting) -> list[str]:
    return [sys.executable, "-m", "pip", "--python", setting.python(), "install", "-q", "--dry-run"]
