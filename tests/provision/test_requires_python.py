"""Requires-Python, and what pip is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Install
from tests.support.comparison import packages
from tests.support.wheels import make_wheel


@pytest.mark.parametrize("how", ["option", "variable", "configuration"])
def test_it_is_ignored_where_pip_would_ignore_it(
    tmp_path: Path, install: Install, environment: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b""}, metadata="Requires-Python: >=99\n")
    assert "requires" in install(wheel, code=1).stderr.lower()
    words = ["--ignore-requires-python"] if how == "option" else []
    if how == "variable":
        monkeypatch.setenv("PIP_IGNORE_REQUIRES_PYTHON", "1")
    if how == "configuration":
        (environment / "pip.conf").write_text("[install]\nignore-requires-python = true\n")
    install(*words, wheel)
    assert packages(environment) == {"sample": "1.0"}
