"""``pipx-reflink`` with the oldest and the newest pipx, on homes that plain pipx shares."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import AT_LENGTH, bare, python_of
from tests.support.comparison import packages, site_packages
from tests.support.tools import Shell, own_files
from tests.support.wheels import make_wheel
from virtualenv_reflink.filesystem.subvolume import is_subvolume
from virtualenv_reflink.integrations.pipx import commands

Beside = Callable[..., Path]

OLDEST = "pipx==1.12.0"
NEWEST = "pipx"
BOTH_ENDS = pytest.mark.parametrize("pipx", [pytest.param(OLDEST, marks=AT_LENGTH), NEWEST])
ON_BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)


@pytest.fixture
def shell(place: Path) -> Shell:
    homes = {
        "PIPX_HOME": "home",
        "PIPX_BIN_DIR": "bin",
        "PIPX_MAN_DIR": "man",
        "PIPX_COMPLETIONS_DIR": "completions",
        "PIPX_GLOBAL_HOME": "global/home",
        "PIPX_GLOBAL_BIN_DIR": "global/bin",
        "PIPX_GLOBAL_MAN_DIR": "global/man",
        "PIPX_GLOBAL_COMPLETIONS_DIR": "global/completions",
        "VIRTUALENV_WHEEL_CACHE": "cache",
        "XDG_CACHE_HOME": "xdg-cache",
    }
    environ = {name: str(place / path) for name, path in homes.items()}
    return Shell(place, {**environ, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}", "USE_EMOJI": "0"})


def installers(environment: Path) -> set[str]:
    """Who installed the packages of an environment."""
    return {path.read_text().strip() for path in site_packages(environment).glob("*.dist-info/INSTALLER")}


def metadata(environment: Path) -> dict[str, object]:
    """What pipx keeps about an environment."""
    content: dict[str, object] = json.loads((environment / "pipx_metadata.json").read_text())
    return content


@ON_BTRFS
@BOTH_ENDS
def test_a_tool_from_install_to_uninstall(place: Path, shell: Shell, beside: Beside, pipx: str) -> None:
    scripts = beside(pipx)
    ours, theirs = scripts / "pipx-reflink", scripts / "pipx"
    environment = place / "home" / "venvs" / "pycowsay"
    shell.run(ours, "install", "pycowsay")
    assert "moo" in shell.run(place / "bin" / "pycowsay", "moo").stdout
    shell.run(ours, "inject", "pycowsay", "click")
    assert packages(environment).keys() == {"pycowsay", "click"}
    assert installers(environment) == installers(place / "home" / "shared") == {"virtualenv-reflink"}
    assert own_files(site_packages(environment)) == []
    assert metadata(environment).get("backend", "pip") == "pip"
    told = json.loads(shell.run(theirs, "list", "--json").stdout)["venvs"]["pycowsay"]["metadata"]
    assert told["main_package"]["package"] == "pycowsay"
    assert "click" in told["injected_packages"]
    assert "click" in shell.run(ours, "runpip", "pycowsay", "list").stdout
    shell.run(ours, "upgrade", "pycowsay")
    shell.run(ours, "uninstall", "pycowsay")
    assert not environment.exists()
    assert not (place / "bin" / "pycowsay").exists()


@AT_LENGTH
@ON_BTRFS
def test_plain_pipx_and_ours_take_turns_on_one_home(place: Path, shell: Shell, beside: Beside) -> None:
    scripts, plain = beside(NEWEST), ("--backend", "pip")
    ours, theirs, venvs = scripts / "pipx-reflink", scripts / "pipx", place / "home" / "venvs"
    shell.run(ours, "install", "black==25.1.0")
    shell.run(theirs, "install", *plain, "pycowsay")
    assert installers(venvs / "pycowsay") == {"pip"}
    kept = metadata(venvs / "black")
    shell.run(theirs, "install", *plain, "--force", "black==25.1.0")
    assert installers(venvs / "black") == {"pip"}
    assert metadata(venvs / "black") == kept
    shell.run(ours, "install", "--force", "black==25.1.0")
    assert metadata(venvs / "black") == kept
    shell.run(theirs, "inject", "black", "colorama")
    shell.run(ours, "uninject", "black", "colorama")
    shell.run(ours, "inject", "pycowsay", "colorama")
    shell.run(theirs, "uninject", "pycowsay", "colorama")
    assert packages(venvs / "black").keys().isdisjoint({"colorama"})
    assert packages(venvs / "pycowsay").keys() == {"pycowsay"}
    shell.run(theirs, "runpip", "black", "check")
    shell.run(ours, "upgrade-all")
    assert packages(venvs / "black")["black"] != "25.1.0"
    assert installers(venvs / "black") == {"virtualenv-reflink"}
    shell.run(theirs, "install", *plain, "--force", "black==25.9.0")
    assert "25.9.0" in shell.run(place / "bin" / "black", "--version").stdout
    shell.run(ours, "reinstall-all")
    assert installers(venvs / "black") == installers(venvs / "pycowsay") == {"virtualenv-reflink"}
    shell.run(theirs, "upgrade-all")
    shell.run(theirs, "uninstall", "black")
    shell.run(ours, "uninstall", "pycowsay")
    assert os.listdir(place / "bin") == []


@AT_LENGTH
@ON_BTRFS
def test_suffix_python_global_and_run(place: Path, shell: Shell, beside: Beside) -> None:
    from tests.provision.test_parity import interpreter

    scripts = beside(NEWEST)
    ours, theirs = scripts / "pipx-reflink", scripts / "pipx"
    shell.run(ours, "install", "--python", interpreter("3.12"), "--suffix=-old", "pycowsay")
    assert "lib/python3.12/" in str(site_packages(place / "home" / "venvs" / "pycowsay-old"))
    assert "moo" in shell.run(place / "bin" / "pycowsay-old", "moo").stdout
    shell.run(ours, "install", "--global", "pycowsay")
    assert "moo" in shell.run(place / "global" / "bin" / "pycowsay", "moo").stdout
    assert "pycowsay" in shell.run(theirs, "list", "--global", "--short").stdout
    assert "moo" in shell.run(ours, "run", "pycowsay", "moo").stdout
    shell.run(theirs, "reinstall", "--backend", "pip", "pycowsay-old")
    shell.run(ours, "upgrade", "pycowsay-old")
    assert installers(place / "home" / "venvs" / "pycowsay-old") == {"pip"}


@AT_LENGTH
@ON_BTRFS
def test_every_link_mode(place: Path, shell: Shell, beside: Beside) -> None:
    ours = beside(NEWEST) / "pipx-reflink"
    environment = place / "home" / "venvs" / "pycowsay"
    for mode in ("snapshot", "layer", "hardlink"):
        shell.run(ours, "install", "pycowsay", VIRTUALENV_LINK_MODE=mode)
        library = site_packages(environment)
        assert is_subvolume(str(library)) == (mode == "snapshot")
        assert (library / "_virtualenv_reflink_layer.pth").exists() == (mode == "layer")
        assert "moo" in shell.run(place / "bin" / "pycowsay", "moo").stdout
        shell.run(ours, "inject", "pycowsay", "click", VIRTUALENV_LINK_MODE=mode)
        shell.run(python_of(environment), "-c", "import click")
        shell.run(ours, "uninstall", "pycowsay")
        assert not environment.exists()


@AT_LENGTH
@ON_BTRFS
def test_what_cannot_be_installed(place: Path, shell: Shell, beside: Beside, tmp_path: Path) -> None:
    ours = beside(NEWEST) / "pipx-reflink"
    done = shell.run(ours, "install", "pycowsay==999", code=1)
    assert "No matching distribution found for pycowsay==999" in done.stderr
    assert not (place / "home" / "venvs" / "pycowsay").exists()
    done = shell.run(ours, "install", "pycowsay", "--pip-args", f"--src {tmp_path}")
    assert "via=pip: virtualenv-reflink install: error: unrecognized arguments: --src" in done.stderr
    done = shell.run(ours, "install", "--force", "pycowsay", VIRTUALENV_WHEEL_CACHE=str(tmp_path / "far"))
    assert "via=copy: the wheel cache is on another filesystem" in done.stderr


@AT_LENGTH
@pytest.mark.parametrize("pipx", ["pipx==1.11.2", "pipx==1.11.2; python_version<'0'"], ids=["too old", "missing"])
def test_a_pipx_that_does_not_fit_is_refused(beside: Beside, tmp_path: Path, pipx: str) -> None:
    done = Shell(tmp_path, {}).run(beside(pipx) / "pipx-reflink", "install", "pycowsay", code=1)
    advice = f"install pipx{commands.SUPPORTED}" if "python" not in pipx else "install virtualenv-reflink[pipx]"
    assert done.stderr.count("\n") == 1
    assert advice in done.stderr


def test_the_extra_names_the_supported_range() -> None:
    declared = [Requirement(line) for line in requires("virtualenv-reflink") or []]
    (extra,) = [each for each in declared if each.name == "pipx"]
    assert extra.specifier == commands.SUPPORTED
    assert extra.specifier.contains(OLDEST.partition("==")[2])


def test_only_what_pipx_itself_installs_is_ours() -> None:
    python, ours = "/env/bin/python", [sys.executable, "-m", "virtualenv_reflink"]

    def translated(*words: str) -> list[str] | None:
        return commands.translated([python, "-m", *words])

    assert translated("pip", "--no-input", "install", "--no-dependencies", "black") == [
        *ours,
        *("install", "--no-deps", "black", "--python", python),
    ]
    assert translated("venv", "--clear", "/env") == [*ours, "venv", "--python", python, "--clear", "/env"]
    assert translated("venv", "--without-pip", "/env") is None
    assert translated("pip", "install", "black") is None
    assert translated("pip", "--no-input", "uninstall", "-y", "install") is None


@pytest.mark.parametrize("refused", [True, False])
def test_a_fallback_is_told_from_the_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], refused: bool
) -> None:
    """The command is our own, run as pipx runs it: with a cache on another filesystem, or in the mode asked for."""
    environment = bare(tmp_path / "env")
    monkeypatch.setenv("VIRTUALENV_LINK_MODE", "auto" if refused else "copy")
    wheel_cache = (Path("/dev/shm") if refused else tmp_path) / f"cache-of-{tmp_path.name}"
    monkeypatch.setenv("VIRTUALENV_WHEEL_CACHE", str(wheel_cache))

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False)

    wheel = make_wheel(tmp_path, {"sample.py": b""})
    try:
        done = commands._instead_of(run)([python_of(environment), *commands._PIP, "install", str(wheel)])
    finally:
        shutil.rmtree(wheel_cache)
    assert done.returncode == 0, done.stderr
    told = capfd.readouterr().err
    assert told.startswith("via=copy: ") is refused
    assert bool(told) is refused
