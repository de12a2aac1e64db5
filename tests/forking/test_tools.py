"""Environments that other tools have made, each with the project of their folder installed editable."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import AT_LENGTH, Run
from tests.forking.checks import naming, prefix, run, stale_bytecode, untrue_rows
from tests.support.comparison import site_packages
from tests.support.tools import Shell

Beside = Callable[..., Path]
ON_BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)
ON_EXT4 = pytest.mark.parametrize("place", ["ext4"], indirect=True)
PROJECT = """
[build-system]
requires = ["{requires}"]
build-backend = "{backend}"
[project]
name = "greet"
version = "1.0"
requires-python = ">=3.13"
dependencies = [{dependencies}]
[project.scripts]
greet = "greet:main"
"""
POETRY = '[tool.poetry]\npackages = [{include = "greet.py"}]\n'

pytestmark = AT_LENGTH


@pytest.fixture
def shell(place: Path) -> Shell:
    """A project to run tools in, and a home for all they keep."""
    places = {f"XDG_{name}_HOME": str(place / name) for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    (place / "project").mkdir()
    return Shell(place / "project", {"HOME": str(place / "home"), "VIRTUALENV_SEEDER": "pip", **places})


def write_project(shell: Shell, requires: str, backend: str, more: str = "", needs: str = "pyjokes==0.8.3") -> None:
    text = PROJECT.format(requires=requires, backend=backend, dependencies=f"'{needs}'" if needs else "")
    (shell.directory / "pyproject.toml").write_text(text + more)
    (shell.directory / "greet.py").write_text("def main():\n    import pyjokes\n    print(__file__)\n")


def worktree_of(shell: Shell) -> Path:
    """Return another folder with the same project, and no environment."""
    worktree = shell.directory.parent / "worktree"
    shutil.copytree(shell.directory, worktree, ignore=shutil.ignore_patterns(".venv"))
    return worktree


def forked_into_worktree(shell: Shell, reflink: Run) -> Path:
    """Fork the project's own environment into another folder with the same project, and return that."""
    worktree = worktree_of(shell)
    reflink("fork", shell.directory / ".venv", worktree / ".venv")
    return worktree


def pip(environment: Path, *words: str) -> str:
    """Run a pip that is not the environment's, which may have none."""
    command = [sys.executable, "-m", "pip", "--python", environment, "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(source: Path, fork: Path, script: str) -> None:
    """What holds of every fork, before and after pip changes it."""
    assert prefix(fork) == fork
    assert naming(fork, source) == []
    # pipx gives first lines an option after pip has recorded them
    assert untrue_rows(fork) == untrue_rows(source)
    assert stale_bytecode(fork) == []
    run(fork, script)
    pip(fork, "check")
    listed = pip(source, "list")
    pip(fork, "install", "-q", "-U", "pyjokes")
    pip(fork, "uninstall", "-q", "-y", "pyjokes")
    assert not (site_packages(fork) / "pyjokes").exists()
    assert pip(source, "list") == listed
    run(source, script)


def check_worktree(source: Path, fork: Path) -> None:
    assert run(fork, "greet") == f"{fork.parent}/greet.py\n"
    assert naming(fork, source.parent) == []
    check(source, fork, "greet")


MODES = [("btrfs", "clone"), ("btrfs", "hardlink"), ("xfs", "clone"), ("ext4", "hardlink")]


@pytest.mark.parametrize(("place", "mode"), MODES, indirect=["place"])
def test_uv(shell: Shell, beside: Beside, mode: str, reflink: Run) -> None:
    uv = beside("uv") / "uv"
    write_project(shell, "hatchling", "hatchling.build")
    environ = {"UV_LINK_MODE": mode, "UV_CACHE_DIR": str(shell.directory.parent / "uv")}
    shell.run(uv, "venv", "--python", sys.executable, ".venv", **environ)
    shell.run(uv, "pip", "install", "-e", ".", **environ)
    worktree = forked_into_worktree(shell, reflink)
    # what is written in place reaches no other environment, nor uv's cache
    assert {path.stat().st_nlink for path in site_packages(worktree / ".venv").rglob("*.py")} == {1}
    check_worktree(shell.directory / ".venv", worktree / ".venv")


@ON_BTRFS
def test_poetry(shell: Shell, beside: Beside, reflink: Run) -> None:
    poetry = beside("poetry") / "poetry"
    write_project(shell, "poetry-core", "poetry.core.masonry.api", POETRY, needs="")
    shell.run(poetry, "install", POETRY_VIRTUALENVS_IN_PROJECT="true")
    pip(shell.directory / ".venv", "install", "-q", "pyjokes==0.8.3")
    worktree = forked_into_worktree(shell, reflink)
    check_worktree(shell.directory / ".venv", worktree / ".venv")


@ON_BTRFS
def test_poetry_in_its_own_place(shell: Shell, beside: Beside, reflink: Run) -> None:
    """Nothing tells where the project of a fork is but the user."""
    poetry = beside("poetry") / "poetry"
    write_project(shell, "poetry-core", "poetry.core.masonry.api", POETRY, needs="")
    shell.run(poetry, "install", POETRY_VIRTUALENVS_PATH=str(shell.directory.parent / "envs"))
    (source,) = (path.parent for path in (shell.directory.parent / "envs").glob("*/pyvenv.cfg"))
    pip(source, "install", "-q", "pyjokes==0.8.3")
    worktree = worktree_of(shell)
    reflink("fork", source, worktree / ".venv", "--moved", f"{shell.directory}={worktree}")
    assert run(worktree / ".venv", "greet") == f"{worktree}/greet.py\n"
    check(source, worktree / ".venv", "greet")


@ON_BTRFS
def test_pdm(shell: Shell, beside: Beside, reflink: Run) -> None:
    pdm = beside("pdm[locked]") / "pdm"  # the newest releases of what it depends on do not all work together
    write_project(shell, "pdm-backend", "pdm.backend")
    shell.run(pdm, "venv", "create", sys.executable)
    shell.run(pdm, "use", ".venv")
    shell.run(pdm, "install")
    worktree = forked_into_worktree(shell, reflink)
    check_worktree(shell.directory / ".venv", worktree / ".venv")


@ON_EXT4
def test_hatch(shell: Shell, beside: Beside, reflink: Run) -> None:
    hatch = beside("hatch") / "hatch"
    wheel = '[tool.hatch.build.targets.wheel]\nonly-include = ["greet.py"]\n'
    write_project(shell, "hatchling", "hatchling.build", f'{wheel}[tool.hatch.envs.default]\npath = ".venv"\n')
    shell.run(hatch, "env", "create")
    worktree = forked_into_worktree(shell, reflink)
    check_worktree(shell.directory / ".venv", worktree / ".venv")


@ON_BTRFS
def test_pipx(shell: Shell, beside: Beside, place: Path, reflink: Run) -> None:
    pipx = beside("pipx") / "pipx"
    environ = {"PIPX_HOME": str(place / "pipx"), "PIPX_BIN_DIR": str(place / "bin"), "PIPX_MAN_DIR": str(place / "man")}
    shell.run(pipx, "install", "--python", sys.executable, "pyjokes==0.8.3", **environ)
    source, fork = place / "pipx" / "venvs" / "pyjokes", place / "fork"
    reflink("fork", source, fork)
    check(source, fork, "pyjokes")
