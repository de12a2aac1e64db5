"""``virtualenv_reflink.nox.install`` in the sessions of a real nox."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import AT_LENGTH
from tests.support.comparison import packages
from tests.support.index import Index
from tests.support.projects import make_project
from tests.support.wheels import make_wheel

NOXFILE = """
import nox
from virtualenv_reflink.nox import install

@nox.session
def tests(session):
    install(session, "sample", "-c", "constraints.txt")
    session.run("python", "-c", "import sample")

@nox.session
def editable(session):
    install(session, "-e", "project")

@nox.session(venv_backend="none")
def bare(session):
    install(session, "sample")

@nox.session
def absent(session):
    install(session, "no-such-thing")

@nox.session
def nothing(session):
    install(session)

@nox.session(venv_params=["--seeder", "reflink"])
def seeded(session):
    session.run("python", "-m", "pip", "--version")
"""

OLDEST = "nox==2024.4.15"


@pytest.fixture(scope="module", params=["nox", pytest.param(OLDEST, marks=AT_LENGTH)])
def nox(request: pytest.FixtureRequest, beside: Callable[..., Path]) -> Path:
    return beside(request.param) / "nox"


@pytest.fixture
def project(tmp_path: Path, index: Index, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIRTUALENV_WHEEL_CACHE", str(cache))
    for version in ("1.0", "2.0"):
        make_wheel(index.directory, {"sample.py": b""}, version=version)
    root = tmp_path / "project"
    root.mkdir()
    make_project(root / "project", "local")
    (root / "noxfile.py").write_text(NOXFILE)
    (root / "constraints.txt").write_text("sample<2\n")
    return root


def run(nox: Path, project: Path, *args: str, code: int = 0) -> str:
    command = [nox, "--non-interactive", *args]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, env=os.environ)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return said


def test_sessions_are_installed_by_us_and_reused(nox: Path, project: Path, index: Index) -> None:
    said = run(nox, project, "-s", "tests")
    assert "-m virtualenv_reflink install -p" in said
    assert "Installed 1 package" not in said
    assert packages(project / ".nox" / "tests")["sample"] == "1.0"
    assert "+ sample==1.0" in run(nox, project, "-v", "-s", "tests")
    assert "Everything is installed already" in run(nox, project, "-v", "-r", "-s", "tests")
    asked = len(index.asked)
    assert "virtualenv_reflink" not in run(nox, project, "-R", "-s", "tests")
    assert len(index.asked) == asked


def test_an_editable_project(nox: Path, project: Path) -> None:
    run(nox, project, "-s", "editable")
    assert packages(project / ".nox" / "editable")["local"] == "1.0"


def test_what_nox_refuses_is_refused_in_its_words(nox: Path, project: Path) -> None:
    assert "does not have a virtual environment" in run(nox, project, "-s", "bare", code=1)
    assert "At least one argument required to install()" in run(nox, project, "-s", "nothing", code=1)


def test_a_failure_fails_the_session_and_is_told(nox: Path, project: Path) -> None:
    said = run(nox, project, "-s", "absent", code=1)
    assert "no-such-thing" in said
    assert "Traceback" not in said


def test_environments_with_our_seeder(nox: Path, project: Path) -> None:
    assert "pip" in run(nox, project, "-v", "-s", "seeded")
    # the default seeder does not put bytecode into the environment
    assert list((project / ".nox" / "seeded").glob("lib/*/site-packages/pip/__pycache__/*.pyc"))
