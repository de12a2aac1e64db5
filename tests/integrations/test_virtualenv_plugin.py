"""Beside a virtualenv that is too old or has changed: one sentence, and every other seeder as ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ONCE

CHANGED = "import sys; sys.modules['virtualenv_reflink.integrations.virtualenv.seeder'] = None; "


@pytest.fixture(scope="session")
def too_old(tmp_path_factory: pytest.TempPathFactory, cache: Path, project_wheel: Path) -> list[str]:
    """The command of a virtualenv that is older than what we ask for."""
    environment = tmp_path_factory.mktemp("too-old") / "env"
    ours = [sys.executable, "-m", "virtualenv_reflink"]
    subprocess.run([*ours, "venv", "--wheel-cache", cache, "--with", project_wheel, environment], check=True)
    old = ["--no-deps", "virtualenv==20.26.6"]
    subprocess.run([*ours, "install", "--wheel-cache", cache, "-p", environment, *old], check=True)
    return [str(environment / "bin" / "python"), "-m", "virtualenv"]


def refused_and_others_not(command: list[str], environment: Path) -> str:
    """Run virtualenv with our seeder, which must fail, and with its own; return what the first one said."""

    def run(seeder: str) -> subprocess.CompletedProcess[str]:
        words = [*command, "--no-periodic-update", "--seeder", seeder, environment]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    refused = run("reflink")
    assert refused.returncode == 1
    assert not environment.exists()
    assert run("app-data").returncode == 0
    # virtualenv adds this to each mistake on its command line
    return (refused.stdout + refused.stderr).removesuffix("SystemExit: 1\n")


@ONCE
def test_a_virtualenv_too_old(too_old: list[str], tmp_path: Path) -> None:
    said = refused_and_others_not(too_old, tmp_path / "env")
    assert said.startswith(
        "virtualenv-reflink needs virtualenv 20.31 or newer, and this is virtualenv 20.26.6; upgrade "
    )
    assert said.count("\n") == 1


def test_a_virtualenv_that_has_changed(tmp_path: Path) -> None:
    code = f"{CHANGED}from virtualenv.__main__ import run_with_catch; run_with_catch()"
    said = refused_and_others_not([sys.executable, "-c", code], tmp_path / "env")
    assert said.startswith("this virtualenv-reflink is too old for virtualenv ")
    assert said.count("\n") == 1
