"""``--with`` through virtualenv's parser, which reads the command line before seeders add to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel


def test_with_reaches_the_seeder_wherever_it_stands(tmp_path: Path, virtualenv: Run) -> None:
    wheels = [make_wheel(tmp_path, {f"{name}.py": b""}, name=name) for name in ("first", "second", "third")]
    cache = ["--wheel-cache", tmp_path / "cache"]
    options = ["--with", wheels[0], *cache, "--with", wheels[1], tmp_path / "env", "--no-pip", "--with", wheels[2]]
    virtualenv(*options)
    found = {path.name for path in site_packages(tmp_path / "env").glob("*.py")}
    assert found >= {"first.py", "second.py", "third.py"}


def test_with_for_another_seeder_is_an_error(tmp_path: Path, virtualenv: Run) -> None:
    done = virtualenv("--with", "black", tmp_path / "env", seeder="app-data", code=2)
    assert "--with" in done.stderr
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize("asked", [True, False])
def test_a_traceback_is_shown_to_those_who_ask_for_it(tmp_path: Path, virtualenv: Run, asked: bool) -> None:
    options = ["--with-traceback"] if asked else []
    done = virtualenv("--with", "/absent-1.0-py3-none-any.whl", *options, tmp_path / "env", code=1)
    assert ("Traceback" in done.stderr) is asked


def test_installed_but_not_chosen_it_imports_next_to_nothing(tmp_path: Path) -> None:
    script = "import sys, virtualenv; virtualenv.cli_run(['--no-seed', sys.argv[1]]); print(*sys.modules)"
    command = [sys.executable, "-c", script, tmp_path / "env"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.startswith("virtualenv_reflink")}
    modules = ("plugin", "seeder", "staged_parser")
    assert ours == {
        "virtualenv_reflink",
        "virtualenv_reflink.integrations",
        "virtualenv_reflink.integrations.virtualenv",
        *(f"virtualenv_reflink.integrations.virtualenv.{name}" for name in modules),
    }
    assert not {"installer", "ctypes"} & set(loaded)
