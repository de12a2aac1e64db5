"""What other tools have installed is replaced, and what must stay stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaign.checks import changes, tree_of
from tests.conftest import ONCE, Install, Run
from tests.differential.sequences import egg_directory, egg_link_with_script, egg_of_distutils, egg_with_top_level
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.environment.installed import installed_in

pytestmark = ONCE


@pytest.mark.parametrize("left", [egg_directory, egg_link_with_script, egg_with_top_level])
def test_an_egg_is_there_again_when_the_installation_fails(
    left: object, tmp_path: Path, environment: Path, install: Install
) -> None:
    left(environment)  # type: ignore[operator]
    (site_packages(environment) / "mine.py").write_text("mine")
    before = tree_of(environment)
    wheel = make_wheel(tmp_path, {"mine.py": b"", "demo.py": b""}, name="demo")
    assert "mine.py is there already" in install("--no-index", wheel, code=1).stderr
    assert changes(before, tree_of(environment)) == []


def test_names_of_scripts_lead_nowhere_else(tmp_path: Path, environment: Path, install: Install) -> None:
    egg_link_with_script(environment)
    (tmp_path / "mine").write_text("mine")
    points = environment.parent / "source" / "demo.egg-info" / "entry_points.txt"
    points.write_text("[console_scripts]\n../../mine = demo:main\n../pyvenv.cfg = demo:main\n")
    install("--no-index", make_wheel(tmp_path, {"demo.py": b""}, name="demo"))
    assert (tmp_path / "mine").exists()
    assert (environment / "pyvenv.cfg").exists()
    assert not (site_packages(environment) / "demo.egg-link").exists()


def test_what_distutils_left_is_told_apart_and_ignored_on_demand(
    tmp_path: Path, environment: Path, install: Install
) -> None:
    egg_of_distutils(environment)
    wheel = make_wheel(tmp_path, {"demo.py": b"new"}, name="demo")
    assert "use --ignore-installed" in install("--no-index", wheel, code=1).stderr
    said = install("--no-index", "-I", wheel).stdout
    assert " - demo" not in said
    assert (site_packages(environment) / "demo.py").read_text() == "new"


@pytest.mark.parametrize("name", ["scripts/python", "scripts/python3", "data/pyvenv.cfg", "data/bin/python"])
def test_ignoring_what_is_installed_spares_the_interpreter(
    name: str, tmp_path: Path, environment: Path, install: Install
) -> None:
    wheel = make_wheel(tmp_path, {f"demo-1.0.data/{name}": b"#!/bin/false"}, name="demo")
    before = tree_of(environment)
    assert "is there already" in install("--no-index", "-I", wheel, code=1).stderr
    assert changes(before, tree_of(environment)) == []


def test_ignoring_what_is_installed_deletes_no_directory(tmp_path: Path, environment: Path, install: Install) -> None:
    (site_packages(environment) / "demo").mkdir()
    (site_packages(environment) / "demo" / "mine.txt").write_text("mine")
    wheel = make_wheel(tmp_path, {"demo": b""}, name="demo")
    assert "is there already" in install("--no-index", "-I", wheel, code=1).stderr
    assert (site_packages(environment) / "demo" / "mine.txt").read_text() == "mine"


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path, environment: Path, install: Install) -> None:
    install(make_wheel(tmp_path, {"demo.py": b""}, name="demo"))
    (path,) = site_packages(environment).glob("demo-*/RECORD")
    path.write_text("x" * 140_000 + ",,\n")
    said = install("--no-index", make_wheel(tmp_path, {"demo.py": b""}, name="demo", version="2.0"), code=1).stderr
    assert f"{path} cannot be read" in said


def test_the_version_of_a_project_in_work_is_read_from_its_metadata(tmp_path: Path) -> None:
    for name in ("demo.egg-info", "other.dist-info"):
        (tmp_path / name).mkdir()
    metadata = "Metadata-Version: 2.1\nName: De.mo\nVersion: 0.5\n"
    (tmp_path / "demo.egg-info" / "PKG-INFO").write_text(metadata)
    (tmp_path / "other.dist-info" / "METADATA").write_text(metadata.replace("De.mo", "other"))
    assert [(found.name, found.version) for found in installed_in(tmp_path)] == [("de-mo", "0.5"), ("other", "0.5")]


def test_a_working_directory_that_was_deleted_is_told(
    tmp_path: Path, environment: Path, reflink: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    os.rmdir(tmp_path / "gone")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    for words in (["install", "-p", environment, "x"], ["lock", "x"], ["venv", "y"]):
        assert reflink(*words, code=1).stderr == (
            "error: the working directory was deleted; change into one that is there\n"
        )
