"""Many wheels are planned and written down some at a time: what fails with the last of them takes back all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ONCE, Install, bare, tree_digest
from tests.support.comparison import packages, site_packages
from tests.support.wheels import make_wheel

pytestmark = ONCE

NAMES = [f"p{number:02}" for number in range(40)]


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Wheels that have a file in common, and one each."""
    return [make_wheel(tmp_path, {"shared.py": name.encode(), f"{name}/__init__.py": b""}, name=name) for name in NAMES]


@pytest.mark.usefixtures("core")
def test_a_file_in_the_way_of_any_wheel(tmp_path: Path, wheels: list[Path], install: Install) -> None:
    for name in (NAMES[0], NAMES[-1]):
        environment = bare(tmp_path / name)
        foreign = site_packages(environment) / name / "__init__.py"
        foreign.parent.mkdir()
        foreign.write_text("mine")
        before = tree_digest(environment)
        done = install(*wheels, into=environment, code=1)
        assert f"{name}/__init__.py is there already and belongs to no installed package" in done.stderr
        assert tree_digest(environment) == before
        assert not list(environment.rglob(".virtualenv-reflink*"))


def test_of_a_file_that_all_have_the_same_one_stays_as_with_pip(
    tmp_path: Path, wheels: list[Path], install: Install
) -> None:
    ours, theirs = bare(tmp_path / "ours"), bare(tmp_path / "theirs")
    install(*wheels, into=ours)
    pip = [sys.executable, "-m", "pip", "--python", str(theirs), "install", "-q", "--no-index", "--no-deps"]
    subprocess.run([*pip, *map(str, wheels)], check=True)
    assert packages(ours) == packages(theirs)
    assert len(packages(ours)) == len(NAMES)
    shared = [(site_packages(environment) / "shared.py").read_text() for environment in (ours, theirs)]
    assert shared[0] == shared[1]
