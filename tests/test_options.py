"""Shared options mean the same in every front, wherever their values come from."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.errors import OptionError
from virtualenv_reflink.option import listed
from virtualenv_reflink.options import SETTINGS, WITH, check_variables, link_mode, settings

BAD = {
    "VIRTUALENV_LINK_MODE": "teleport",
    "VIRTUALENV_REMEMBER_FOR": "ever",
    "VIRTUALENV_OFFLINE": "maybe",
    "VIRTUALENV_REFRESH": "2",
    "VIRTUALENV_SHARE_MEMORY": "perhaps",
    "VIRTUALENV_NO_COMPILE_BYTECODE": "nope",
}


def parser(environ: dict[str, str]) -> ArgumentParser:
    made = ArgumentParser()
    for option in (*WITH, *SETTINGS):
        option.add_to(made, environ)
    return made


@pytest.mark.parametrize(("name", "value"), BAD.items())
def test_a_variable_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, reflink: Run, virtualenv: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    said = reflink("venv", tmp_path / "env", code=2).stderr
    assert repr(value) in said.splitlines()[-1]
    assert name in said
    done = virtualenv(tmp_path / "env", code=1)
    assert repr(value) in (done.stdout + done.stderr).splitlines()[-1]
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "env").exists()
    with pytest.raises(OptionError, match=name):
        check_variables(os.environ)


@pytest.mark.parametrize("value", ["nan", "-1", "-inf", "ever", ""])
def test_seconds_that_cannot_be(
    tmp_path: Path, reflink: Run, virtualenv: Run, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    for run, words in ((reflink, ["venv"]), (virtualenv, [])):
        said = run(*words, f"--remember-for={value}", tmp_path / "env", code=2).stderr
        assert f"{value!r} is not a number of seconds" in said
    with pytest.raises(SystemExit):
        parser({}).parse_args(["--link-mode", "teleport"])
    assert "there is no link mode 'teleport'; choose from auto, clone" in capsys.readouterr().err


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    empty = {option.variable: "" for option in (*WITH, *SETTINGS)}
    check_variables(empty)
    assert settings(parser(empty).parse_args([])) == settings(parser({}).parse_args([]))
    assert listed(parser(empty).parse_args([]).with_wheels) == []


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("six,jmespath", ["six", "jmespath"]),
        ("six\n jmespath>=1,<2 \n\n", ["six", "jmespath>=1,<2"]),
        ("black[d,jupyter]>=23, <24,six ,", ["black[d,jupyter]>=23, <24", "six"]),
        ("sample @ https://example.org/sample.zip", ["sample @ https://example.org/sample.zip"]),
        ("six; python_version > '3'", ["six; python_version > '3'"]),
    ],
)
def test_a_variable_that_lists(text: str, items: list[str]) -> None:
    options = parser({"VIRTUALENV_WITH": text})
    assert listed(options.parse_args([]).with_wheels) == items
    assert listed(options.parse_args(["--with", "a,b", "--with", "c"]).with_wheels) == [*items, "a,b", "c"]


@pytest.mark.parametrize("front", ["venv", "virtualenv", "ini"])
def test_every_front_reads_the_same(
    tmp_path: Path, cache: Path, reflink: Run, virtualenv: Run, monkeypatch: pytest.MonkeyPatch, front: str
) -> None:
    values = {"link_mode": "copy", "wheel_cache": str(cache), "no_compile_bytecode": "yes", "remember_for": "1e9"}
    values["with"] = f"{make_wheel(tmp_path, {'a.py': b''}, name='a')}, {make_wheel(tmp_path, {'b.py': b''}, name='b')}"
    if front == "ini":
        text = "[virtualenv]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())
        (tmp_path / "virtualenv.ini").write_text(text)
        monkeypatch.setenv("VIRTUALENV_CONFIG_FILE", str(tmp_path / "virtualenv.ini"))
    else:
        for name, value in values.items():
            monkeypatch.setenv(f"VIRTUALENV_{name.upper()}", value)
    (reflink if front == "venv" else virtualenv)(*(["venv"] if front == "venv" else []), tmp_path / "env")
    found = site_packages(tmp_path / "env")
    assert {path.name for path in found.glob("*.py")} >= {"a.py", "b.py"}
    assert not (found / "__pycache__").exists()


def test_a_wheel_cache_without_a_name(tmp_path: Path, reflink: Run) -> None:
    assert "must not be empty" in reflink("venv", "--wheel-cache", "", tmp_path / "env", code=2).stderr


def test_a_link_mode_as_a_tox_setting_reads_it() -> None:
    assert link_mode("clone") == "clone"
    with pytest.raises(ArgumentTypeError):
        link_mode("")


def test_help_names_each_option() -> None:
    for front in (["virtualenv_reflink", "venv"], ["virtualenv", "--seeder", "reflink"]):
        command = [sys.executable, "-m", *front, "--help"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for option in (*WITH, *SETTINGS):
            assert (
                sum(line.lstrip().startswith((f"{option.flag} ", option.flag + "\n")) for line in told.splitlines())
                <= 1
            )
            assert option.flag in told
