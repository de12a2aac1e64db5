"""A repository on this machine gives the commit that was asked for, never its working tree; pip runs beside us."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ONCE, Install, Run, bare
from tests.support.comparison import direct_urls, site_packages
from tests.support.projects import make_project

pytestmark = ONCE


def git(directory: Path, *arguments: object) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *map(str, arguments)], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two tags, a branch, a project in a subdirectory, and edits that are not committed."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    top = make_project(tmp_path / "some where" / "repo")
    make_project(top / "sub" / "dir")
    git(top, "init", "-q", "-b", "main")
    for tag in ("v1", "v2"):
        (top / "sample.py").write_text(f"value = '{tag}'\n")
        (top / "sub" / "dir" / "sample.py").write_text(f"value = 'sub {tag}'\n")
        git(top, "add", "-A")
        git(top, "commit", "-qm", tag)
        git(top, "tag", tag)
    git(top, "branch", "old", "v1")
    (top / "sample.py").write_text("value = 'uncommitted'\n")
    (top / "sub" / "dir" / "sample.py").write_text("value = 'uncommitted'\n")
    subprocess.run(["git", "clone", "-q", "--bare", top, top.parent / "bare.git"], check=True)
    return top


FORMS = [
    *("git+REPO@v1", "git+REPO@old", "git+REPO", "git+REPO@v1#subdirectory=sub/dir", "sample @ git+REPO@v1"),
    *("git+BARE@v1", "sample@git+BARE@v1#subdirectory=sub/dir", "git+REPO@refs/tags/v1"),
]


@pytest.mark.parametrize("form", FORMS)
def test_the_commit_is_built_as_by_pip(form: str, repository: Path, tmp_path: Path, install: Install) -> None:
    bare_repository = repository.parent / "bare.git"
    form = form.replace("REPO", repository.as_uri()).replace("BARE", bare_repository.as_uri())
    ours, theirs = bare(tmp_path / "ours"), bare(tmp_path / "theirs")
    install(form, into=ours)
    subprocess.run([sys.executable, "-m", "pip", "--python", theirs, "install", "-q", form], check=True)
    found = [(site_packages(each) / "sample.py").read_text() for each in (ours, theirs)]
    assert found[0] == found[1] != "value = 'uncommitted'\n"
    assert direct_urls(ours) == direct_urls(theirs)


def test_a_tag_that_moves_is_followed(repository: Path, tmp_path: Path, install: Install) -> None:
    for tag in ("v1", "v2"):
        git(repository, "tag", "-f", "moving", tag)
        into = bare(tmp_path / tag)
        install(f"git+{repository.as_uri()}@moving", into=into)
        assert (site_packages(into) / "sample.py").read_text() == f"value = '{tag}'\n"


def test_the_same_by_a_lock(repository: Path, tmp_path: Path, cache: Path, reflink: Run, install: Install) -> None:
    lock = tmp_path / "pylock.toml"
    wanted = f"sample @ git+{repository.as_uri()}@v1#subdirectory=sub/dir"
    reflink("lock", "--wheel-cache", cache, "-o", lock, wanted)
    into = bare(tmp_path / "ours")
    install("--lock", lock, into=into)
    assert (site_packages(into) / "sample.py").read_text() == "value = 'sub v1'\n"
