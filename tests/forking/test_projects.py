"""Projects that an environment refers to instead of holding their files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import virtualenv_reflink
from tests.conftest import ONCE, Run, python_of
from tests.forking.checks import naming, run, stale_bytecode, untrue_rows
from tests.support.comparison import site_packages
from tests.support.projects import make_project

Install = Callable[..., "subprocess.CompletedProcess[str]"]
FINDER = """
MAPPING: dict[str, str] = {{'sample': {path!r}}}
def install(): pass
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a project in it, and a worktree of it, in which the project is changed."""
    repository = tmp_path / "repository"
    make_project(repository)
    (repository / ".gitignore").write_text(".venv\n")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    subprocess.run(["git", "worktree", "add", "-q", "../worktree"], cwd=repository, check=True)
    (tmp_path / "worktree" / "sample.py").write_text("value = 2\n")
    subprocess.run([sys.executable, "-m", "venv", repository / ".venv"], check=True)
    return repository


def pip(environment: Path, *words: object) -> str:
    command = [python_of(environment), "-m", "pip", "--disable-pip-version-check", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def value(environment: Path) -> str:
    code = "import sample; print(sample.value)"
    return subprocess.check_output([python_of(environment), "-c", code], text=True, cwd="/").strip()


def test_an_editable_project_is_that_of_the_worktree(repository: Path, tmp_path: Path, reflink: Run) -> None:
    source, fork = repository / ".venv", tmp_path / "worktree" / ".venv"
    pip(source, "install", "-q", "--no-build-isolation", "--no-index", "-e", repository)
    done = reflink("fork", ".venv", "../worktree/.venv", cwd=repository)
    assert f" ~ {repository} -> {tmp_path / 'worktree'}\n" in done.stdout
    assert (value(source), value(fork)) == ("1", "2")
    assert naming(fork, repository) == []
    assert untrue_rows(fork) == []
    assert f"file://{tmp_path / 'worktree'}" in pip(fork, "freeze") or f"{tmp_path / 'worktree'}" in pip(fork, "list")
    pip(fork, "uninstall", "-q", "-y", "sample")
    assert value(source) == "1"


def test_a_project_that_is_not_there_stays_where_it_is(repository: Path, tmp_path: Path, reflink: Run) -> None:
    source = repository / ".venv"
    pip(source, "install", "-q", "--no-build-isolation", "--no-index", "-e", repository)
    reflink("fork", source, tmp_path / "elsewhere" / "fork")
    assert value(tmp_path / "elsewhere" / "fork") == "1"
    reflink("fork", source, tmp_path / "fork", "--moved", f"{repository}={tmp_path / 'worktree'}")
    assert value(tmp_path / "fork") == "2"
    error = reflink("fork", source, tmp_path / "none", "--moved", f"{repository}={tmp_path / 'nowhere'}", code=1).stderr
    assert error == f"error: there is nothing at {tmp_path / 'nowhere'}, to which something is said to have moved\n"
    assert not (tmp_path / "none").exists()


def test_every_kind_of_reference_follows(tmp_path: Path) -> None:
    """Paths of equal lengths, so that neither size nor time of a source tells that its bytecode is another's."""
    old, new = tmp_path / "old place", tmp_path / "new place"
    for folder in (old, new):
        for project in ("one", "two", "three"):
            (folder / project).mkdir(parents=True)
            (folder / project / "pyproject.toml").touch()
        (folder / "plain").mkdir()
    (old / "only here").mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", old / "env"], check=True)
    library = site_packages(old / "env")
    url = {"url": f"file://{old}/one".replace(" ", "%20"), "dir_info": {"editable": True}}
    files = {
        "one-1.dist-info/direct_url.json": json.dumps(url),
        "__editable___one_finder.py": FINDER.format(path=f"{old}/one/src/sample"),
        "__editable__.one-1.pth": "import __editable___one_finder; __editable___one_finder.install()\n",
        "two.egg-link": f"{old}/two\n.",
        "easy-install.pth": f"{old}/two\n{old}/plain\n{old}/only here\n{old}/two-other\n# {old}/two\n",
        "three.pth": f"import sys; sys.path.append('{old}/env/lib')\n",
    }
    for name, text in files.items():
        (library / name).parent.mkdir(exist_ok=True)
        (library / name).write_text(text)
    # names of metadata and path files that are something else
    (library / "file.dist-info").touch()
    (library / "loop.pth").symlink_to("loop.pth")
    (library / "link").symlink_to(old / "two")
    (library / "inside").symlink_to(old / "env" / "lib")
    code = "import __editable___one_finder"
    subprocess.run([python_of(old / "env"), "-c", code], check=True)
    made = virtualenv_reflink.fork(old / "env", new / "env")

    forked = site_packages(new / "env")
    assert json.loads((forked / "one-1.dist-info/direct_url.json").read_text())["url"] == url["url"].replace(
        "old", "new"
    )
    assert (forked / "two.egg-link").read_text() == f"{new}/two\n."
    assert (forked / "easy-install.pth").read_text().splitlines()[:4] == [
        *(f"{new}/two", f"{new}/plain"),
        *(f"{old}/only here", f"{old}/two-other"),
    ]
    assert (forked / "three.pth").read_text() == f"import sys; sys.path.append('{new}/env/lib')\n"
    assert (forked / "link").readlink() == new / "two"
    assert (forked / "inside").readlink() == new / "env" / "lib"
    code = "import __editable___one_finder as finder; print(finder.MAPPING['sample'])"
    told = subprocess.check_output([python_of(new / "env"), "-c", code], text=True)
    assert told == f"{new}/one/src/sample\n"
    assert stale_bytecode(new / "env") == []
    assert set(made.projects) == {old / "one", old / "two", old / "plain"}


@ONCE
@pytest.mark.parametrize(
    ("backend", "module"), [("setuptools", "setuptools.build_meta"), ("hatchling", "hatchling.build")]
)
def test_the_tests_of_a_project_pass_in_a_worktree(tmp_path: Path, backend: str, module: str, reflink: Run) -> None:
    """Each build backend refers to projects in its own way; tests find the project of their own worktree."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        (folder / "src" / "sample").mkdir(parents=True)
        (folder / "pyproject.toml").write_text(
            f"[build-system]\nrequires = ['{backend}']\nbuild-backend = '{module}'\n"
            "[project]\nname = 'sample'\nversion = '1.0'\n[project.scripts]\nsample = 'sample:main'\n"
        )
        (folder / "src" / "sample" / "__init__.py").write_text("def main(): print(__file__)\n")
    (new / "test_sample.py").write_text(
        f"import sample\ndef test(): assert sample.__file__ == '{new}/src/sample/__init__.py'\n"
    )
    subprocess.run([sys.executable, "-m", "venv", old / ".venv"], check=True)
    pip(old / ".venv", "install", "-q", "pytest", "-e", old)
    reflink("fork", old / ".venv", new / ".venv")
    assert naming(new / ".venv", old) == []
    assert untrue_rows(new / ".venv") == []
    assert run(new / ".venv", "sample") == f"{new}/src/sample/__init__.py\n"
    subprocess.run([new / ".venv" / "bin" / "pytest", "-q", new], check=True)
    pip(new / ".venv", "check")


@pytest.mark.parametrize("url", ["file://[half/one", "file://elsewhere{}/one", "file://{}/%00", "file:"])
def test_what_names_no_place_of_this_machine_is_left_alone(tmp_path: Path, url: str) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "one").mkdir(parents=True)
    (new / "one").mkdir(parents=True)
    for folder in (old, new):
        (folder / "one" / "pyproject.toml").touch()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", old / "env"], check=True)
    content = json.dumps({"url": url.format(old)})
    (site_packages(old / "env") / "one-1.dist-info").mkdir()
    (site_packages(old / "env") / "one-1.dist-info" / "direct_url.json").write_text(content)
    assert virtualenv_reflink.fork(old / "env", new / "env").projects == {}
    assert (site_packages(new / "env") / "one-1.dist-info" / "direct_url.json").read_text() == content
