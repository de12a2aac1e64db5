"""Editable projects: as pip installs them, and all of a command or nothing of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign.checks import changes, tree_of
from tests.conftest import Install, bare, python_of
from tests.support.comparison import differences, packages, site_packages
from tests.support.projects import make_project
from tests.support.wheels import full_wheel

FAILING = "raise SystemExit('this project cannot be built')\n"
OPTIONS = ("--no-index", "--no-build-isolation")


def test_is_as_pip_installs_it(tmp_path: Path, environment: Path, install: Install) -> None:
    project = make_project(tmp_path / "project", "editable_one")
    theirs = bare(tmp_path / "theirs")
    install(*OPTIONS, "-e", project)
    pip = [sys.executable, "-m", "pip", "--python", python_of(theirs), "install", "-q", *OPTIONS, "-e", project]
    subprocess.run(list(map(str, pip)), check=True)
    assert differences(environment, theirs) == []


@pytest.mark.parametrize("good", [True, False])
def test_nothing_of_a_command_stays_when_one_fails(
    tmp_path: Path, environment: Path, install: Install, good: bool
) -> None:
    first = make_project(tmp_path / "first", "editable_one")
    second = make_project(tmp_path / "second", "editable_two", code="" if good else FAILING)
    if good:
        # it can be built, and a file of somebody else is in the way
        (site_packages(environment) / "_editable_two.pth").write_text("# mine\n")
    before = tree_of(environment)
    told = install(*OPTIONS, full_wheel(tmp_path), "-e", first, "-e", second, code=1).stderr
    assert changes(before, tree_of(environment)) == []
    assert ("_editable_two.pth" if good else "cannot be built") in told


def test_replaces_what_was_there(tmp_path: Path, environment: Path, install: Install) -> None:
    project = make_project(tmp_path / "project", "editable_one")
    install(*OPTIONS, project)
    install(*OPTIONS, "-e", project)
    assert packages(environment) == {"editable_one": "1.0"}
    assert not (site_packages(environment) / "editable_one.py").exists()
    assert not list(environment.rglob("*virtualenv-reflink*"))
