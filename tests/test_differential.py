"""A part of each half of the differential test; all of it is ``python -m tests.differential``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import ONCE
from tests.differential import popular, releases, sequences

POPULAR = ["flask", *(["black[jupyter]"] if sys.version_info >= (3, 13) else [])]
RELEASES = ["furo==2022.12.7", "httpie==3.2.1"]
SEQUENCES = [
    *("upgrade", "override", "editable-to-plain", "kinds-of-versions", "ignore-installed"),
    *("egg-with-list", "egg-directory", "egg-link-with-script", "prefix"),
]


@pytest.mark.parametrize("requirement", POPULAR)
def test_a_package_with_all_it_depends_on_is_as_by_pip(tmp_path: Path, cache: Path, requirement: str) -> None:
    assert popular.compare(requirement, tmp_path, cache) == []


@ONCE
@pytest.mark.parametrize("release", RELEASES)
def test_a_release_of_old_tools_is_as_by_pip(tmp_path: Path, cache: Path, release: str) -> None:
    assert releases.compare(release, tmp_path, cache) == []


@ONCE
@pytest.mark.parametrize("name", SEQUENCES)
def test_after_each_command_the_environment_is_as_by_pip(tmp_path: Path, cache: Path, name: str) -> None:
    assert sequences.compare(name, tmp_path, cache) == []


def test_the_names_are_those_of_what_there_is() -> None:
    assert set(RELEASES) < set(releases.NAMES)
    assert len(releases.NAMES) >= 60
    assert len(sequences.NAMES) >= 40
