"""``install --platform`` and its like choose wheels for another Python, as pip does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ONCE, Install, Run, bare, python_of
from tests.support.index import Index
from tests.support.projects import make_project
from tests.support.wheels import make_wheel

pytestmark = ONCE

WINDOWS = ["--platform", "win_amd64"]
OLD = ["--platform", "manylinux2014_aarch64", "--python-version", "3.9", "--implementation", "cp", "--abi", "cp39"]
BINARY = "--only-binary=:all:"


@pytest.fixture(autouse=True)
def _wheels(index: Index) -> None:
    """An index with a project for several platforms and Pythons, and another one that depends on it."""
    for tag in (
        *("py3-none-any", "cp39-cp39-win_amd64", "cp313-cp313-win_amd64", "cp313-cp313-manylinux2014_x86_64"),
        *("cp39-cp39-manylinux2014_aarch64", "cp310-abi3-manylinux2014_aarch64"),
    ):
        make_wheel(index.directory, {"native.py": tag.encode()}, name="native", tag=tag)
    for version, python in (("1.0", ">=3.8,<3.10"), ("2.0", ">=3.10")):
        metadata = f"Requires-Python: {python}\nRequires-Dist: native; sys_platform == 'linux'\n"
        make_wheel(index.directory, {"tool.py": version.encode()}, name="tool", version=version, metadata=metadata)


def pip(environment: Path, *words: object) -> int:
    """The exit status of pip."""
    command = [sys.executable, "-m", "pip", "--python", python_of(environment), "install", *words]
    return subprocess.run([*map(str, command)], check=False, capture_output=True).returncode


def sources(directory: Path) -> dict[str, bytes]:
    """What is there but for what depends on who installed it."""
    unlike = {".pyc", "RECORD", "INSTALLER"}
    return {
        str(path.relative_to(directory)): b"" if unlike & {path.name, path.suffix} else path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "words",
    [
        [*WINDOWS, BINARY, "native"],
        [*WINDOWS, "--python-version", "39", BINARY, "tool"],
        [*WINDOWS, "--platform", "manylinux2014_x86_64", "--no-deps", "native"],
        [*OLD, BINARY, "tool"],
        ["--platform", "linux_riscv64", "--no-deps", "DIST/native-1.0-py3-none-any.whl"],
        # of another Python than is asked for
        ["--abi", "cp39", "--no-deps", "DIST/native-1.0-cp313-cp313-win_amd64.whl"],
        [*WINDOWS, "--no-deps", "DIST/native-1.0-cp313-cp313-win_amd64.whl"],
        # which is built for this Python
        [*WINDOWS, "--no-deps", "PROJECT"],
        # of which pip says that more must be said
        [*WINDOWS, "native"],
    ],
    ids=" ".join,
)
def test_a_directory_is_filled_as_by_pip(
    tmp_path: Path, index: Index, reflink: Run, cache: Path, environment: Path, words: list[str]
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    make_project(tmp_path / "project")
    places = {"DIST": index.directory, "PROJECT": tmp_path / "project"}
    asked = [re.sub("DIST|PROJECT", lambda found: str(places[found[0]]), word) for word in words]
    status = int(bool(pip(environment, "--target", theirs, *asked)))
    options = ["--wheel-cache", cache, "-p", environment, "--target", ours]
    said = reflink("install", *options, *asked, code=status).stderr
    assert sources(ours) == sources(theirs)
    assert bool(said) is bool(status)


def test_every_link_mode_takes_what_is_chosen(tmp_path: Path, install: Install) -> None:
    # the later ones as it is remembered
    for mode in ("copy", "hardlink", "layer"):
        install("--link-mode", mode, "--target", tmp_path / mode, *OLD, BINARY, "native")
        assert (tmp_path / mode / "native.py").read_bytes() == b"cp39-cp39-manylinux2014_aarch64"


def test_a_dry_run_needs_no_directory(install: Install, environment: Path) -> None:
    assert pip(environment, "--dry-run", *OLD, BINARY, "tool") == 0
    assert "tool==1.0" in install("--dry-run", *OLD, BINARY, "tool").stdout


def test_without_a_directory_nothing_is_installed(
    tmp_path: Path, install: Install, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pip(environment, *WINDOWS, BINARY, "native") == 1
    said = install(*WINDOWS, BINARY, "native", code=1).stderr
    assert said == "error: --platform is for another Python, so it needs --target or --dry-run\n"
    lock = tmp_path / "pylock.toml"
    assert "a lock is resolved already" in install(*WINDOWS, "--dry-run", "--lock", lock, code=1).stderr
    monkeypatch.setenv("PIP_PYTHON_VERSION", "3.9")
    assert "--python-version is for another" in install("native", code=1).stderr
    install("--isolated", "--index-url", os.environ["PIP_INDEX_URL"], "native")


def test_variables_say_the_same(
    tmp_path: Path, install: Install, reflink: Run, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_PLATFORM", "linux_riscv64 win_amd64")
    monkeypatch.setenv("PIP_PYTHON_VERSION", "3.9")
    monkeypatch.setenv("PIP_ONLY_BINARY", ":all:")
    install("--target", tmp_path / "target", "native")
    assert (tmp_path / "target" / "native.py").read_bytes() == b"cp39-cp39-win_amd64"
    # they say nothing of environments that are made
    made = tmp_path / "made"
    reflink("venv", "--without-pip", "--wheel-cache", cache, "--with", "native", made)
    (found,) = made.glob("lib/*/site-packages/native.py")
    assert b"win" not in found.read_bytes()


def test_uv_is_not_asked_for_another_python(tmp_path: Path, install: Install) -> None:
    words = ["--resolver", "uv", "--target", tmp_path / "target", *WINDOWS, BINARY, "native"]
    assert "--platform win_amd64" in install(*words, code=1).stderr


def test_an_environment_is_not_touched(tmp_path: Path, install: Install) -> None:
    environment = bare(tmp_path / "other")
    install("--target", tmp_path / "target", *WINDOWS, BINARY, "native", into=environment)
    assert not list(environment.glob("lib/*/site-packages/native*"))
