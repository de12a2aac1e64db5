"""Whatever a build reads is part of a project's digest, and what builds and tools leave behind is not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Install
from tests.support.comparison import site_packages
from tests.support.projects import make_project
from virtualenv_reflink.requirements.project_digest import project_digest

Change = Callable[[Path], object]


def git(directory: Path, *arguments: object) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *who, *map(str, arguments)], cwd=directory, check=True, capture_output=True)


def write(path: Path, text: str = "new") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with files of many kinds, in a repository."""
    directory = make_project(tmp_path / "project")
    for name in ("src/build/core.py", "src/dist/__init__.py", "build/__init__.py", "dist/app.js", "src/a/.data/x"):
        write(directory / name, "old")
    for name in (".pkg_data/x", ".git_archival.txt", "node_modules/m/i.js", "data.egg-info/module.py", "src/a/build/x"):
        write(directory / name, "old")
    write(tmp_path / "shared" / "file", "old")
    (directory / "linked").symlink_to(tmp_path / "shared")
    (directory / "circle").symlink_to(directory)
    (directory / "dangling").symlink_to("nowhere")
    git(directory, "init", "-q")
    git(directory, "add", "-A")
    git(directory, "commit", "-qm", "first")
    return directory


@pytest.mark.parametrize(
    "name",
    [
        *(
            "sample.py",
            "src/build/core.py",
            "src/dist/__init__.py",
            "build/__init__.py",
            "dist/app.js",
            "src/a/.data/x",
        ),
        *(".pkg_data/x", ".git_archival.txt", "node_modules/m/i.js", "data.egg-info/module.py", "src/a/build/x"),
        *("linked/file", "build/new/module.py", "src/b.egg-info/module.py", "../.git_archival.txt"),
    ],
)
def test_a_changed_or_new_file_counts(project: Path, name: str) -> None:
    before = project_digest(project)
    write(project / name)
    assert before != project_digest(project) is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda project: git(project, "tag", "v1"),
        lambda project: git(project, "commit", "--allow-empty", "-qm", "second"),
        lambda project: git(project, "checkout", "-q", "--detach"),
        lambda project: (write(project / "untracked"), git(project, "add", "untracked")),
        lambda project: (project / "sample.py").chmod(0o755),
        lambda project: (project / "linked").unlink(),
    ],
)
def test_a_changed_state_counts(project: Path, change: Change) -> None:
    before = project_digest(project)
    change(project)
    assert before != project_digest(project) is not None


def test_packing_references_is_noticed_and_a_tag_after_it_too(project: Path) -> None:
    git(project, "tag", "v1")
    git(project, "pack-refs", "--all")
    before = project_digest(project)
    git(project, "tag", "-d", "v1")
    assert before != project_digest(project)


def test_a_tag_counts_in_a_worktree_a_submodule_and_below_the_top(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "-q", tmp_path / "worktree")
    before = project_digest(tmp_path / "worktree")
    git(project, "tag", "v1")
    assert before != project_digest(tmp_path / "worktree") is not None

    upper = tmp_path / "upper"
    upper.mkdir()
    git(upper, "init", "-q")
    git(upper, "submodule", "add", "-q", project, "lower")
    for directory in (upper, upper / "lower", upper / "lower" / "src"):
        before = project_digest(directory)
        git(upper / "lower", "tag", f"v-{directory.name}")
        assert before != project_digest(directory) is not None


@pytest.mark.parametrize(
    "name",
    [
        *("__pycache__/x.pyc", "src/a/__pycache__/x.pyc", ".tox/py/x", ".nox/x", "sample.egg-info/PKG-INFO"),
        *("src/sample.egg-info/SOURCES.txt", ".cache/CACHEDIR.TAG", "target/CACHEDIR.TAG"),
    ],
)
def test_what_tools_leave_does_not_count(project: Path, name: str) -> None:
    before = project_digest(project)
    write(project / name)
    assert before == project_digest(project) is not None


def test_what_builds_leave_does_not_count(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    before = project_digest(project)
    write(project / "build" / "lib" / "sample.py")
    write(project / "build" / "bdist.linux-x86_64" / "x")
    write(project / "dist" / "sample-1.0-py3-none-any.whl")
    subprocess.run(["python3", "-m", "venv", "--without-pip", project / "env"], check=True)
    assert before == project_digest(project) is not None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", 'readme = "../README.md"'),
        ("setup.py", "Path(__file__).parent.parent"),
        (".svn/entries", ""),
        ("../.jj/repo", ""),
    ],
)
def test_a_build_that_may_read_more_has_no_digest(tmp_path: Path, name: str, text: str) -> None:
    project = make_project(tmp_path / "project")
    write(project / name, text)
    assert project_digest(project) is None


def test_a_pipe_has_no_digest(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    os.mkfifo(project / "pipe")
    assert project_digest(project) is None


_FROM_TAG = "import subprocess\nversion = subprocess.check_output(['git', 'describe', '--tags'], text=True).strip()\n"
_FROM_VARIABLE = "import os\nversion = os.environ['SAMPLE_PRETEND_VERSION']\n"


@pytest.mark.usefixtures("index")
def test_a_package_named_build_is_built_again(tmp_path: Path, install: Install, environment: Path) -> None:
    project = make_project(tmp_path / "project")
    backend = project / "backend.py"
    reading = 'open("src/build/core.py").read()'
    backend.write_text(backend.read_text().replace('open(f"{name}.py").read()', reading, 1))
    for value in ("1", "2"):
        write(project / "src" / "build" / "core.py", value)
        install("--force-reinstall", project)
        assert (site_packages(environment) / "sample.py").read_text() == value


@pytest.mark.usefixtures("index")
def test_a_new_tag_of_a_worktree_is_built(tmp_path: Path, install: Install, environment: Path) -> None:
    main = make_project(tmp_path / "main", code=_FROM_TAG)
    git(main, "init", "-q")
    git(main, "add", "-A")
    git(main, "commit", "-qm", "first")
    git(main, "tag", "1.0")
    git(main, "worktree", "add", "-q", tmp_path / "worktree")
    for tag in ("1.0", "2.0"):
        git(main, "tag", "-f", tag)
        git(main, "tag", "-d", "1.0") if tag == "2.0" else None
        install("--force-reinstall", tmp_path / "worktree")
        assert [path.name for path in site_packages(environment).glob("sample-*")] == [f"sample-{tag}.dist-info"]


@pytest.mark.usefixtures("index")
def test_a_variable_that_a_build_reads_counts(
    tmp_path: Path, install: Install, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project", code=_FROM_VARIABLE)
    for version in ("1.0", "2.0"):
        monkeypatch.setenv("SAMPLE_PRETEND_VERSION", version)
        install("--force-reinstall", project)
        assert [path.name for path in site_packages(environment).glob("sample-*")] == [f"sample-{version}.dist-info"]


@pytest.mark.usefixtures("index")
def test_a_build_that_changes_its_sources_is_not_remembered(tmp_path: Path, install: Install) -> None:
    log = tmp_path / "log"
    project = make_project(tmp_path / "project", code="open('counter', 'a').write('x')\n", log=log)
    for _ in range(2):
        install("--force-reinstall", project)
    assert log.read_text() == "xx"
