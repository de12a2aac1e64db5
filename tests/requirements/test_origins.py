"""What a requirement and its file say of where and how is used to fetch and to build, and secrets stay nowhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run, bare
from tests.support.comparison import direct_urls, packages, site_packages
from tests.support.index import Index
from tests.support.private_index import PrivateIndex, serving_privately
from tests.support.projects import make_project
from tests.support.wheels import make_wheel

pytestmark = ONCE

SECRET = "s3cr3t-pa55"
NAME = "sample-1.0-py3-none-any.whl"
Provide = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def guarded(index: Index, monkeypatch: pytest.MonkeyPatch) -> Index:
    """A server that wants credentials, and that nothing is configured to use."""
    index.credentials = f"bob:{SECRET}"
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_TIMEOUT", "120")
    monkeypatch.setenv("TOKEN", SECRET)
    monkeypatch.chdir(index.directory.parent)
    return index


@pytest.fixture
def private(guarded: Index) -> Iterator[PrivateIndex]:
    """An index that wants credentials, and that nothing is configured to use."""
    with serving_privately(guarded.directory, f"bob:{SECRET}") as served:
        yield served


@pytest.fixture
def provide(tmp_path: Path, own_cache: Path, reflink: Run) -> Provide:
    """Install as pip does, twice, the second time with a remembered resolution and no wheel; then look for secrets."""

    def run(*words: object, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **(variables or {})}
        for each in ("theirs", "ours-0", "ours-1"):
            shutil.rmtree(tmp_path / each, ignore_errors=True)
        theirs = bare(tmp_path / "theirs")
        pip = [sys.executable, "-m", "pip", "--python", theirs, "install", *words]
        subprocess.run([str(word) for word in pip], check=True, env=environ)
        for number in range(2):
            forget_wheels(own_cache)
            ours = bare(tmp_path / f"ours-{number}")
            done = reflink("install", "--verbose", "--wheel-cache", own_cache, "-p", ours, *words, env=environ)
            assert packages(ours) == packages(theirs)
            assert direct_urls(ours) == direct_urls(theirs)
            assert SECRET not in done.stdout + done.stderr
        for place in (own_cache, ours):
            for path in place.rglob("*"):
                assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
        return done

    return run


def forget_wheels(cache: Path) -> None:
    """Take from a cache all wheels but that of pip, and what is known of builds."""
    for entry in (*cache.glob("*/wheels/*"), *cache.glob("*/builds")):
        if not list(entry.glob("*/*/*/pip")):
            shutil.rmtree(entry)


def requirements(tmp_path: Path, text: str) -> Path:
    (tmp_path / "r.txt").write_text(text)
    return tmp_path / "r.txt"


def test_credentials_of_a_url(private: PrivateIndex, provide: Provide) -> None:
    make_wheel(private.directory, {"sample.py": b""})
    provide(private.with_credentials(private.file_url(NAME)))


@pytest.mark.parametrize("text", ["sample @ URL", "URL", "sample @ URL ; python_version > '3'"])
def test_credentials_of_a_url_from_a_variable(
    text: str, private: PrivateIndex, provide: Provide, tmp_path: Path
) -> None:
    make_wheel(private.directory, {"sample.py": b""})
    url = private.with_credentials(private.file_url(NAME)).replace(SECRET, "${TOKEN}")
    provide("-r", requirements(tmp_path, text.replace("URL", url)))


@pytest.mark.parametrize(
    ("option", "kind"),
    [
        *(("--index-url", "words"), ("--extra-index-url", "words"), ("-i", "file"), ("--extra-index-url", "nested")),
        *(("--index-url", "variable"), ("--extra-index-url", "variable")),
    ],
)
def test_credentials_of_an_index(
    option: str, kind: str, private: PrivateIndex, provide: Provide, tmp_path: Path
) -> None:
    make_wheel(private.directory, {"sample.py": b""}, metadata="Requires-Dist: other\n")
    make_wheel(private.directory, {"other.py": b""}, name="other")
    url = private.with_credentials(private.url)
    if kind == "words":
        provide(option, url, "sample", variables=_only(option))
    else:
        text = url.replace(SECRET, "${TOKEN}") if kind == "variable" else url
        (tmp_path / "options.txt").write_text(f"{option} {text}\n")
        first = "-r options.txt" if kind == "nested" else f"{option} {text}"
        provide("-r", requirements(tmp_path, f"{first}\nsample\n"), variables=_only(option))


def _only(option: str) -> dict[str, str]:
    """Have no other index, where pip always has one."""
    return {"PIP_INDEX_URL": "file:///nonexistent"} if option == "--extra-index-url" else {}


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE"])
def test_credentials_of_configuration(variable: str, private: PrivateIndex, provide: Provide, tmp_path: Path) -> None:
    make_wheel(private.directory, {"sample.py": b""})
    url = private.with_credentials(private.url)
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {url}\n")
    only = {} if variable != "PIP_EXTRA_INDEX_URL" else {"PIP_INDEX_URL": "file:///nonexistent"}
    value = str(tmp_path / "pip.conf") if variable == "PIP_CONFIG_FILE" else url
    provide("sample", variables={**only, variable: value})


def test_credentials_of_find_links(private: PrivateIndex, provide: Provide, tmp_path: Path) -> None:
    make_wheel(private.directory, {"sample.py": b""})
    page = private.with_credentials(f"{private.url}sample")
    provide("-r", requirements(tmp_path, f"--no-index\n--find-links {page}\nsample\n"))


def test_netrc(private: PrivateIndex, provide: Provide, tmp_path: Path) -> None:
    make_wheel(private.directory, {"sample.py": b""})
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login bob password {SECRET}\n")
    (tmp_path / "netrc").chmod(0o600)
    provide("--index-url", private.url, "sample", variables={"NETRC": str(tmp_path / "netrc")})


def test_a_trusted_host(private: PrivateIndex, provide: Provide, tmp_path: Path) -> None:
    make_wheel(private.directory, {"sample.py": b""})
    url = private.with_credentials(private.url)
    provide("-r", requirements(tmp_path, f"--trusted-host 127.0.0.1\n-i {url}\nsample\n"))


def test_credentials_with_marks_that_are_escaped(
    index: Index, provide: Provide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL")
    make_wheel(index.directory, {"sample.py": b""})
    with serving_privately(index.directory, f"bob@example.org:{SECRET}/&") as private:
        credentials = f"bob%40example.org:{SECRET}%2F%26"
        provide(private._replace(credentials=credentials).with_credentials(private.file_url(NAME)))
        provide("-i", private._replace(credentials=credentials).with_credentials(private.url), "sample")


def test_credentials_of_an_sdist(private: PrivateIndex, provide: Provide, tmp_path: Path) -> None:
    sdist(make_project(tmp_path / "project"), private.directory)
    provide(private.with_credentials(private.file_url("sample-1.0.tar.gz")))
    url = private.with_credentials(private.file_url("sample-1.0.tar.gz")).replace(SECRET, "${TOKEN}")
    (tmp_path / "c.txt").write_text(f"sample @ {url}\n")
    provide("-c", tmp_path / "c.txt", "--no-index", "sample")


BUILD = "import helper\n"


def helped(directory: Path, name: str = "sample") -> Path:
    """Write a project whose build needs a package that only one index has."""
    project = make_project(directory, name=name, code=BUILD)
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("requires = []", "requires = ['helper']"))
    return project


@pytest.mark.parametrize(
    ("option", "form"),
    [
        *(("--index-url URL", "./project"), ("--extra-index-url URL", "sample"), ("--index-url URL", "-e ./project")),
        *(("--no-index\n--find-links dist", "sample"), ("--no-index\n--find-links dist", "-e ./project")),
    ],
)
def test_requirements_of_a_build(
    option: str, form: str, private: PrivateIndex, provide: Provide, tmp_path: Path
) -> None:
    make_wheel(private.directory, {"helper.py": b""}, name="helper")
    project = helped(tmp_path / "project")
    if form == "sample":
        sdist(project, private.directory)
    option = option.replace("URL", private.with_credentials(private.url).replace(SECRET, "${TOKEN}"))
    only = _only("--extra-index-url") if option.startswith("--extra") else {}
    provide("-r", requirements(tmp_path, f"{option}\n{form}\n"), variables=only)


def sdist(project: Path, directory: Path) -> None:
    name, version = "sample", "1.0"
    (project / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    with tarfile.open(directory / f"{name}-{version}.tar.gz", "w:gz") as archive:
        for path in ("PKG-INFO", "pyproject.toml", "backend.py", "sample.py"):
            archive.add(project / path, f"{name}-{version}/{path}")


@pytest.mark.parametrize(
    "form", ['./project --config-settings "flag=1"', "./project -C flag=1", "sample @ PROJECT --config-setting=flag=1"]
)
def test_settings_of_a_requirement(
    form: str, tmp_path: Path, provide: Provide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project = make_project(tmp_path / "project")
    backend = project / "backend.py"
    told = 'wheel(wheel_directory, {f"{name}.py": repr(config_settings)})'
    plain = 'wheel(wheel_directory, {f"{name}.py": open(f"{name}.py").read()})'
    backend.write_text(backend.read_text().replace(plain, told))
    provide("-r", requirements(tmp_path, form.replace("PROJECT", project.as_uri())))
    assert (site_packages(tmp_path / "ours-1") / "sample.py").read_text() == "{'flag': '1'}"


@pytest.mark.parametrize(
    ("form", "place"), [("git+URL@v1", "words"), ("sample @ git+URL@v1", "variable"), ("git+URL", "variable")]
)
def test_credentials_of_a_repository(form: str, place: str, guarded: Index, provide: Provide, tmp_path: Path) -> None:
    project = make_project(tmp_path / "repo")
    git = ["git", "-C", project, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run([*git, *words], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", project, guarded.directory / "r.git"], check=True)
    subprocess.run(["git", "-C", guarded.directory / "r.git", "update-server-info"], check=True)
    form = form.replace("URL", guarded.with_credentials(guarded.file_url("r.git")))
    variables = {"GIT_TERMINAL_PROMPT": "0"}
    if place == "words":
        provide(form, variables=variables)
    else:
        provide("-r", requirements(tmp_path, form.replace(SECRET, "${TOKEN}")), variables=variables)


def test_a_lock_holds_no_secret(private: PrivateIndex, reflink: Run, tmp_path: Path) -> None:
    make_wheel(private.directory, {"sample.py": b""})
    lock = tmp_path / "pylock.toml"
    words = ("--wheel-cache", tmp_path / "cache", "-o", lock)
    reflink("lock", *words, private.with_credentials(private.file_url(NAME)))
    assert SECRET not in lock.read_text()
    reflink("lock", *words, "--index-url", private.with_credentials(private.url), "sample")
    assert SECRET not in lock.read_text()


def test_a_failure_shows_no_secret(private: PrivateIndex, reflink: Run, tmp_path: Path, environment: Path) -> None:
    install = ("install", "-v", "--wheel-cache", tmp_path / "cache", "-p", environment)
    for words in (
        [private.with_credentials(private.file_url("no.whl"))],
        ["--index-url", private.with_credentials(private.url), "unknown"],
        [f"git+{private.with_credentials(private.file_url('no.git'))}"],
    ):
        done = reflink(*install, *words, code=1, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
        assert SECRET not in done.stdout + done.stderr
