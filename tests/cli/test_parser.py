"""What a command line must not leave open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run, bare, tree_digest


@pytest.mark.parametrize(
    "command",
    [
        "cache clean ?",
        "cache list ?",
        "dedupe ?",
        "eject ?",
        "explain ?",
        "fork . ?",
        "fork ? ../new",
        "install -p ? six",
        "install --target ? six",
        "install --lock ?",
        "lock -p ? six",
        "remove ?",
        "venv ?",
    ],
)
def test_a_variable_that_is_not_set_is_not_the_present_directory(
    tmp_path: Path, command: str, reflink: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = bare(tmp_path / "env")
    before = tree_digest(environment)
    monkeypatch.chdir(environment)
    done = reflink(*("" if word == "?" else word for word in command.split()), code=2)
    assert "it must not be empty" in done.stderr
    assert tree_digest(environment) == before
