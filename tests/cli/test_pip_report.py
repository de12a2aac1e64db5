"""``install --report`` writes what pip's installation report says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ONCE, Install, bare, python_of
from tests.support.comparison import packages
from tests.support.index import Index
from tests.support.projects import make_project
from tests.support.wheels import make_wheel

pytestmark = ONCE


@pytest.fixture(autouse=True)
def _packages(index: Index) -> None:
    """An index with packages that depend on others."""
    for version in ("1.0", "2.0"):
        make_wheel(index.directory, {"base.py": version.encode()}, name="base", version=version)
    metadata = "Summary: Größe\nProvides-Extra: x\nRequires-Dist: base<2\nRequires-Dist: more; extra == 'x'\n"
    make_wheel(index.directory, {"top.py": b""}, name="top", metadata=metadata)
    make_wheel(index.directory, {"more.py": b""}, name="more")


def pips(environment: Path, *words: object) -> dict[str, Any]:
    """The report that pip makes itself."""
    report = environment.parent / "pips.json"
    command = [sys.executable, "-m", "pip", "--python", python_of(environment), "install", "--report", report, *words]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    return told(report.read_text(encoding="utf-8"))


def told(text: str) -> dict[str, Any]:
    """A report, but for which pip made it."""
    report: dict[str, Any] = json.loads(text)
    assert report.pop("pip_version")
    return report


def test_each_command_of_a_sequence_reports_as_pip_does(tmp_path: Path, install: Install, environment: Path) -> None:
    theirs, report = bare(tmp_path / "theirs"), tmp_path / "ours.json"
    make_project(tmp_path / "project")
    local = tmp_path / "dist" / "more-1.0-py3-none-any.whl"
    for words in (
        ["--dry-run", "top[x]"],
        ["top[x]"],
        ["-U", "base", "more"],
        ["--no-deps", "--force-reinstall", "top"],
        ["--target", tmp_path / "target", "top"],
        ["--force-reinstall", local],
        ["-e", tmp_path / "project"],
    ):
        install("--report", report, *words)
        assert told(report.read_text(encoding="utf-8")) == pips(theirs, *words), words
        assert packages(environment) == packages(theirs), words


def test_on_the_standard_output_it_is_alone_where_all_else_is_silent(
    install: Install, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = pips(environment, "--dry-run", "top")
    # what is remembered is not reported
    install("--dry-run", "top")
    for words in (["--report", "-"], ["--report=-"]):
        assert told(install("-q", "--dry-run", *words, "top").stdout) == expected
    monkeypatch.setenv("PIP_REPORT", "-")
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    assert told(install("-q", "--dry-run", "top", env=ascii_only).stdout) == expected
    assert install("-q", "--dry-run", "--isolated", "top").stdout == ""


def test_a_file_that_cannot_be_written(tmp_path: Path, install: Install, environment: Path) -> None:
    said = install("--report", tmp_path / "absent" / "report", "top", code=1).stderr
    assert said.endswith(": No such file or directory; nothing was installed\n")
    assert packages(environment) == {}


@pytest.mark.parametrize(
    ("words", "reason"),
    [(["--lock", "pylock.toml"], "leave out --lock"), (["--resolver", "uv", "top"], "use --resolver pip")],
)
def test_only_pip_reports(tmp_path: Path, install: Install, words: list[str], reason: str) -> None:
    said = install("--report", tmp_path / "report", *words, code=1).stderr
    assert said.count("\n") == 1
    assert reason in said
    assert not (tmp_path / "report").exists()
