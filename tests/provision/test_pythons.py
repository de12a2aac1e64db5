"""Environments for every Python; python -m tests.pythons does it at length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import THE_ONE_PYTHON, Run
from tests.pythons.checks import MODES, faults
from tests.support.interpreters import THIS, VERSIONS, interpreter
from tests.support.wheels import make_wheel


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("version", VERSIONS if THE_ONE_PYTHON else [THIS])
def test_nothing_is_wrong_in_any_link_mode(version: str, place: Path, tmp_path: Path, reflink: Run) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b"import sample_data\n", "sample_data.py": b""})
    for mode in MODES if version == THIS else ("snapshot", "layer"):
        options = ["--wheel-cache", place / "cache", "--link-mode", mode, "-p", interpreter(version)]
        reflink("venv", *options, "--with", wheel, place / mode)
        assert list(faults(place / mode, ["sample"])) == []
