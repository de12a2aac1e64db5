"""Tools that make their environments with virtualenv, each from the package index in an environment of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import AT_LENGTH
from tests.support.comparison import packages, site_packages
from tests.support.tools import Shell, own_files
from tests.support.wheels import make_wheel

Beside = Callable[..., Path]

ON_BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)
ON_XFS = pytest.mark.parametrize("place", ["xfs"], indirect=True)

# a build hook; the environment that it runs in is gone when the build is done
ASKING_WHO_SEEDED = """
import sys
from pathlib import Path
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        (installer,) = Path(sys.prefix).glob("lib/python3*/site-packages/pip-*/INSTALLER")
        Path("told").write_text(installer.read_text())
"""

pytestmark = AT_LENGTH


@pytest.fixture
def shell(place: Path) -> Shell:
    """A project to run tools in, with no more than a module, and a home for all they keep."""
    project = place / "project"
    project.mkdir()
    (project / "greet.py").write_text("def main():\n    print('hello')\n")
    environ = {
        "VIRTUALENV_SEEDER": "reflink",
        "VIRTUALENV_LINK_MODE": "clone",
        "VIRTUALENV_WHEEL_CACHE": str(place / "cache"),
        "HOME": str(place / "home"),
        "XDG_CACHE_HOME": str(place / "xdg-cache"),
        "XDG_CONFIG_HOME": str(place / "xdg-config"),
        "XDG_DATA_HOME": str(place / "xdg-data"),
    }
    return Shell(project, environ)


def pyproject(shell: Shell, backend: str, more: str = "") -> None:
    requires, module = {
        "hatchling": ("hatchling", "hatchling.build"),
        "pdm": ("pdm-backend", "pdm.backend"),
        "poetry": ("poetry-core", "poetry.core.masonry.api"),
    }[backend]
    text = f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{module}"\n'
    text += '[project]\nname = "greet"\nversion = "1.0"\nrequires-python = ">=3.13"\n'
    text += '[project.scripts]\ngreet = "greet:main"\n'
    (shell.directory / "pyproject.toml").write_text(text + more)


def only_environment(root: Path) -> Path:
    (found,) = root.glob("**/pyvenv.cfg")
    return found.parent


def seeded(environment: Path) -> set[str]:
    """What of an environment came from the wheel cache; all files of that must share their data."""
    library = site_packages(environment)
    records = [path for path in library.glob("*.dist-info/INSTALLER") if path.read_text() == "virtualenv-reflink\n"]
    names = {path.parent.name.partition("-")[0] for path in records}
    for name in names:
        assert own_files(library / name) == []
    return names


@ON_BTRFS
def test_pre_commit_has_pip_seeded_and_pip_installs_the_hook(shell: Shell, beside: Beside) -> None:
    pre_commit = beside("pre-commit") / "pre-commit"
    pyproject(shell, "hatchling")
    (shell.directory / ".pre-commit-config.yaml").write_text(f"""
        repos:
        - repo: local
          hooks:
          - id: greet
            name: greet
            language: python
            entry: greet
            additional_dependencies: ["{shell.directory}"]
            pass_filenames: false
            verbose: true
    """)
    shell.run("git", "init")
    shell.run("git", "add", ".")
    assert "hello" in shell.run(pre_commit, "run", "--all-files").stdout
    environment = only_environment(shell.directory.parent / "xdg-cache" / "pre-commit")
    assert seeded(environment) == {"pip"}
    assert packages(environment).keys() >= {"pip", "greet"}


@ON_BTRFS
def test_hatch_reads_virtualenv_ini_and_has_pip_install_the_project(shell: Shell, beside: Beside, place: Path) -> None:
    # what the extra "default" brings
    scripts = beside("hatch", "configupdater")
    pyproject(shell, "hatchling", '[tool.hatch.envs.default]\npath = ".venv"\n')
    ini = place / "virtualenv.ini"
    ini.write_text(f"[virtualenv]\nwheel_cache = {place / 'cache'}\n")
    only_file = {
        "VIRTUALENV_CONFIG_FILE": str(ini),
        **dict.fromkeys(("VIRTUALENV_SEEDER", "VIRTUALENV_LINK_MODE", "VIRTUALENV_WHEEL_CACHE"), ""),
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
    }
    shell.run("virtualenv-reflink", "default", "on", "--link-mode", "clone", **only_file)
    status = shell.run("virtualenv-reflink", "default", "status", **only_file).stdout
    assert f"has virtualenv-reflink  ({scripts / 'hatch'})" in status
    shell.run("hatch", "env", "create", **only_file)
    assert seeded(shell.directory / ".venv") == {"pip"}
    assert packages(shell.directory / ".venv").keys() == {"pip", "greet"}
    assert shell.run("hatch", "run", "greet", **only_file).stdout == "hello\n"


@ON_XFS
def test_pdm_seeds_pip_where_it_is_told_to_and_installs_itself(shell: Shell, beside: Beside) -> None:
    pdm = beside("pdm[locked]") / "pdm"  # the newest releases of what it depends on do not all work together
    wheel = make_wheel(shell.directory, {"sample.py": b""})
    pyproject(shell, "pdm", f'[tool.pdm.dev-dependencies]\ntest = ["sample @ file://{wheel}"]\n')
    shell.run(pdm, "config", "venv.with_pip", "true")
    shell.run(pdm, "venv", "create", sys.executable)
    assert seeded(shell.directory / ".venv") == {"pip"}
    shell.run(pdm, "use", ".venv")
    shell.run(pdm, "install", "--no-self")
    assert packages(shell.directory / ".venv").keys() == {"pip", "sample"}
    assert seeded(shell.directory / ".venv") == {"pip"}


@ON_XFS
def test_poetry_seeds_pip_where_it_is_told_to_and_installs_itself(shell: Shell, beside: Beside) -> None:
    poetry = beside("poetry") / "poetry"
    make_wheel(shell.directory, {"sample.py": b""})
    dependency = '[tool.poetry]\npackages = [{include = "greet.py"}]\n'
    dependency += '[tool.poetry.dependencies]\nsample = {path = "sample-1.0-py3-none-any.whl"}\n'
    pyproject(shell, "poetry", dependency)
    shell.run(poetry, "config", "virtualenvs.in-project", "true")
    shell.run(poetry, "config", "virtualenvs.options.no-pip", "false")
    shell.run(poetry, "install")
    assert seeded(shell.directory / ".venv") == {"pip"}
    assert packages(shell.directory / ".venv").keys() == {"pip", "sample", "greet"}
    assert shell.run(poetry, "run", "greet").stdout == "hello\n"


@ON_XFS
def test_build_makes_its_environment_with_virtualenv_where_it_has_no_pip(
    shell: Shell, beside: Beside, place: Path
) -> None:
    scripts = beside("build[virtualenv]")
    pyproject(shell, "hatchling")
    (shell.directory / "hatch_build.py").write_text(ASKING_WHO_SEEDED)
    with (shell.directory / "pyproject.toml").open("a") as stream:
        stream.write("[tool.hatch.build.hooks.custom]\n")
    done = shell.run(scripts / "pyproject-build", "--wheel", TMPDIR=str(place))
    assert "virtualenv+pip" in done.stdout + done.stderr
    assert (shell.directory / "told").read_text() == "virtualenv-reflink\n"
    assert [path.name for path in (shell.directory / "dist").iterdir()] == ["greet-1.0-py3-none-any.whl"]
