"""Every option and variable of ``pip install`` works as in pip or is refused by name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ONCE, Install, Run, bare, python_of
from tests.support.comparison import site_packages
from tests.support.index import Index
from tests.support.wheels import make_wheel
from virtualenv_reflink.cli.pip_options import DECLARED, PIP_OPTIONS, Treatment

pytestmark = ONCE

REFUSED = [option for option in PIP_OPTIONS if option.treatment is Treatment.REFUSED]


def pip_help(command: str) -> list[str]:
    """The options that the installed pip tells of, each with its names as it writes them."""
    pip = [sys.executable, "-m", "pip", command, "--help"]
    told = subprocess.run(pip, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"}).stdout
    return re.findall(r"^  ((?:-\w, )?--[\w-]+)", told, re.MULTILINE)


def test_the_list_is_that_of_the_installed_pip() -> None:
    known = {name for option in PIP_OPTIONS for name in option.names} | set(DECLARED)
    missing = [names for names in pip_help("install") if names.split(", ")[-1] not in known]
    assert missing == []


def test_names_are_the_first_of_pip_and_stand_in_the_help(reflink: Run) -> None:
    told = {names.split(", ")[-1]: names.split(", ") for names in pip_help("install")}
    ours = "".join(reflink("install", "--help").stdout.split())
    for option in PIP_OPTIONS:
        assert option.names[0] in ours
        if option.names[0] in told:
            assert set(told[option.names[0]]) <= set(option.names)
    assert "--pypi-url" not in ours
    assert "--default-timeout" not in ours


def test_values_follow_where_they_do_in_pip() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for option in PIP_OPTIONS:
        if found := re.search(rf"^  (?:-\w, )?{option.names[0]}( <)?", told, re.MULTILINE):
            assert option.flag is (found[1] is None), option


@pytest.mark.parametrize("option", REFUSED, ids=lambda option: option.names[0])
def test_what_is_refused_is_named(
    tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch, option: object
) -> None:
    name, flag, variable = option.names[0], option.flag, option.variable  # type: ignore[attr-defined]
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    assert f" {name} " in install(name, *([] if flag else ["x"]), wheel, code=2).stderr.splitlines()[-1]
    monkeypatch.setenv(variable, "1")
    said = install(wheel, code=1).stderr
    assert variable in said
    assert said.count("\n") == 1
    install("--isolated", wheel)
    monkeypatch.setenv(variable, "")
    install(wheel)


def test_what_means_nothing_here_is_taken(tmp_path: Path, install: Install, environment: Path) -> None:
    for option in PIP_OPTIONS:
        if option.treatment is Treatment.IDLE:
            install(
                option.names[0], *([] if option.flag else ["ignore"]), "--dry-run", make_wheel(tmp_path, {"a.py": b""})
            )
    install("--progress-bar", "off", "--require-virtualenv", make_wheel(tmp_path, {"sample.py": b""}))
    assert (site_packages(environment) / "sample.py").exists()


@pytest.mark.parametrize(
    ("words", "variables", "compiled"),
    [
        (["--no-compile"], {}, False),
        (["--compile"], {"VIRTUALENV_NO_COMPILE_BYTECODE": "1"}, True),
        ([], {"PIP_COMPILE": "0"}, False),
        # to pip, this variable says whether to compile
        ([], {"PIP_NO_COMPILE": "0"}, False),
        ([], {"PIP_NO_COMPILE": "1"}, True),
        (["--isolated"], {"PIP_COMPILE": "0"}, True),
    ],
)
def test_compiling_as_pip(
    tmp_path: Path,
    install: Install,
    environment: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    variables: dict[str, str],
    compiled: bool,
) -> None:
    theirs, wheel = bare(tmp_path / "theirs"), make_wheel(tmp_path, {"sample.py": b""})
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    install(*words, wheel)
    pip = [sys.executable, "-m", "pip", "--python", str(python_of(theirs)), "install", "-q", *words, str(wheel)]
    subprocess.run(pip, check=True)
    for made in (environment, theirs):
        assert (site_packages(made) / "__pycache__").exists() is compiled


@pytest.mark.usefixtures("index")
def test_variables_that_pip_run_for_us_cannot_see(
    tmp_path: Path, install: Install, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    monkeypatch.setenv("PIP_DRY_RUN", "yes")
    assert "Would install" in install(wheel).stdout
    assert not (site_packages(environment) / "sample.py").exists()
    monkeypatch.setenv("PIP_DRY_RUN", "0")
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "target"))
    install(wheel)
    assert (tmp_path / "target" / "sample.py").exists()
    assert not (site_packages(environment) / "sample.py").exists()
    monkeypatch.delenv("PIP_TARGET")
    install(wheel)
    monkeypatch.setenv("PIP_FORCE_REINSTALL", "1")
    assert " ~ sample==" in install(wheel).stdout
    monkeypatch.setenv("PIP_FORCE_REINSTALL", "perhaps")
    assert "PIP_FORCE_REINSTALL=perhaps cannot be used" in install(wheel, code=1).stderr


def test_a_virtual_environment_is_required(tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    base, wheel = os.path.realpath(sys.executable), make_wheel(tmp_path, {"sample.py": b""})
    options = ["--dry-run", wheel]
    assert "--require-virtualenv asks for one" in install("--require-virtualenv", *options, into=base, code=1).stderr
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "true")
    assert "--require-virtualenv asks for one" in install(*options, into=base, code=1).stderr
    install("--isolated", *options, into=base)
    install(*options)


def test_a_log_of_pip(tmp_path: Path, index: Index, install: Install) -> None:
    make_wheel(tmp_path / "dist", {"sample.py": b""})
    install("--log", tmp_path / "log", "sample")
    assert index.url in (tmp_path / "log").read_text()


GROUPS = """
[dependency-groups]
Test = ["sample; python_version > '3'", {include-group = "more"}]
more = ["other"]
loop = [{include-group = "loop"}]
bad = [3]
"""


@pytest.mark.usefixtures("index")
def test_dependency_groups(tmp_path: Path, install: Install, environment: Path) -> None:
    for name in ("sample", "other"):
        make_wheel(tmp_path / "dist", {f"{name}.py": b""}, name=name)
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(GROUPS)
    install("--group", "test", cwd=project)
    assert {path.name for path in site_packages(environment).glob("*.py")} == {"sample.py", "other.py"}
    second = bare(tmp_path / "second")
    install("--group", f"{project}/pyproject.toml:more", into=second, env={**os.environ, "PIP_GROUP": ""})
    assert {path.name for path in site_packages(second).glob("*.py")} == {"other.py"}
    # what a group says is not remembered beyond a change of its file
    (project / "pyproject.toml").write_text(GROUPS.replace('"other"', '"sample"'))
    install("--group", f"{project}/pyproject.toml:more", into=second)
    assert (site_packages(second) / "sample.py").exists()


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ("absent", "absent"),
        ("loop", "loop includes itself"),
        ("bad", "3"),
        ("absent/pyproject.toml:test", "absent/pyproject.toml cannot be read: No such file or directory"),
        ("setup.cfg:test", "setup.cfg is not called pyproject.toml"),
        ("empty/pyproject.toml:test", "has no table [dependency-groups]"),
        ("broken/pyproject.toml:test", "is not valid TOML"),
    ],
)
def test_groups_that_cannot_be_used(tmp_path: Path, install: Install, group: str, told: str) -> None:
    for name, text in {".": GROUPS, "empty": "", "broken": "["}.items():
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "pyproject.toml").write_text(text)
    said = install("--group", group, code=1, cwd=tmp_path).stderr
    assert said.startswith(f"error: --group {group} cannot be used: ")
    assert told in said
    assert said.count("\n") == 1
