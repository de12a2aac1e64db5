"""A wheel named by its path is taken as pip takes it, or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run, bare
from tests.support.comparison import differences, packages
from tests.support.wheels import make_wheel, record_hash

pytestmark = ONCE


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "pip.conf").write_text("")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel that depends on nothing."""
    return make_wheel(tmp_path, {"sample.py": b"x = 1"})


def both(tmp_path: Path, reflink: Run, *words: object, before: object = None, **variables: str) -> tuple[str, str]:
    """Run pip and ours with the same words; they agree on whether that works and on what is then there."""
    environ = {**os.environ, **variables}
    ours, theirs = bare(tmp_path / "ours"), bare(tmp_path / "theirs")
    pip = [sys.executable, "-m", "pip", "--python", theirs, "install", "-q"]
    install = ("install", "--wheel-cache", tmp_path / "cache", "-p", ours)
    if before:
        subprocess.run([*pip, str(before)], check=True)
        reflink(*install, before)
    done = subprocess.run([*pip, *map(str, words)], env=environ, capture_output=True, text=True, check=False)
    said = reflink(*install, *words, code=1 if done.returncode else 0, env=environ)
    assert differences(ours, theirs) == []
    return done.stderr, said.stderr


@pytest.mark.parametrize("flag", ["--require-hashes", "PIP_REQUIRE_HASHES", "pip.conf"])
def test_hashes_that_are_required(flag: str, wheel: Path, tmp_path: Path, reflink: Run) -> None:
    if flag == "pip.conf":
        (tmp_path / "pip.conf").write_text("[install]\nrequire-hashes = yes\n")
    words = [flag] if flag.startswith("--") else []
    variables = {flag: "1"} if flag.startswith("PIP_") else {}
    theirs, ours = both(tmp_path, reflink, *words, wheel, **variables)
    assert "Hashes are required" in theirs
    assert "Hashes are required" in ours


@pytest.mark.parametrize("place", ["-c", "PIP_CONSTRAINT", "[global]", "[install]"])
@pytest.mark.parametrize("allowed", ["sample==1.0", "sample==2.0", None])
def test_constraints(allowed: str | None, place: str, wheel: Path, tmp_path: Path, reflink: Run) -> None:
    constraints = tmp_path / "c.txt"
    if allowed:
        constraints.write_text(allowed)
    if place.startswith("["):
        (tmp_path / "pip.conf").write_text(f"{place}\nconstraint = {constraints}\n")
    words = ["-c", constraints] if place == "-c" else []
    variables = {place: str(constraints)} if place.startswith("PIP") else {}
    both(tmp_path, reflink, *words, wheel, **variables)


@pytest.mark.parametrize(
    "headers",
    [
        "Name: other\nVersion: 1.0\n",
        "Name: sample\n",
        "Version: 1.0\n",
        "Name: sample\nVersion: 1.0-custom-x\n",
        "Name: sample\nVersion: 1.1\n",
        "Name: Sample\nVersion: 1.0\n",
        "name: sample\nversion: 1.0\n",
        "Name: sample\nVersion: 1.0\nRequires-Python: >=3.99\n",
        "Name: sample\nVersion: 1.0\nRequires-Python: ~3.x\n",
        "Name: sample\nVersion: 1.0\nRequires-Dist: foo (>1.0.*)\n",
        "Name: sample\nVersion: 1.0\nRequires-Dist: foo; extra == 'x'\n",
    ],
)
@pytest.mark.parametrize("words", [[], ["--no-deps"]])
def test_metadata(headers: str, words: list[str], tmp_path: Path, reflink: Run) -> None:
    plain = make_wheel(tmp_path, {"sample.py": b""})
    rewritten = tmp_path / "new" / plain.name
    rewritten.parent.mkdir()
    rewrite(plain, rewritten, headers)
    _, said = both(tmp_path, reflink, *words, rewritten)
    assert "Traceback" not in said


def test_pip_is_not_run_for_what_is_not_wanted(tmp_path: Path, reflink: Run) -> None:
    plain, rewritten = make_wheel(tmp_path, {"sample.py": b""}), tmp_path / "new" / "sample-1.0-py3-none-any.whl"
    rewritten.parent.mkdir()
    rewrite(plain, rewritten, "Name: sample\nVersion: 1.0\nRequires-Dist: other\n")
    words = ("install", "-v", "--wheel-cache", tmp_path / "cache", "-p", bare(tmp_path / "env"), rewritten)
    assert "Resolving" in reflink(*words, code=1).stderr
    assert "Resolving" not in reflink(*words, "--no-deps").stderr
    assert "Resolving" not in reflink(*words, "--no-deps", "--force-reinstall").stderr
    assert "Resolving" not in reflink(*words, "--no-deps", "--ignore-installed").stderr


def rewrite(wheel: Path, target: Path, headers: str) -> None:
    """Copy a wheel with other metadata."""
    metadata = f"Metadata-Version: 2.1\n{headers}".encode()
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = metadata if name.endswith("/METADATA") else source.read(name)
            if name.endswith("/RECORD"):
                rows = content.decode().splitlines()
                row = f"sample-1.0.dist-info/METADATA,{record_hash(metadata)},{len(metadata)}"
                content = "\n".join([row if "METADATA" in each else each for each in rows] + [""]).encode()
            copy.writestr(name, content)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.0", []),
        ("1.0", ["--upgrade"]),
        ("1.0", ["-I"]),
        ("1.0", ["--force-reinstall"]),
        ("0.9", ["--force-reinstall", "--no-deps"]),
        ("1.1", ["-I", "--no-deps"]),
    ],
)
def test_what_is_installed_already(version: str, words: list[str], wheel: Path, tmp_path: Path, reflink: Run) -> None:
    (tmp_path / "other").mkdir()
    other = make_wheel(tmp_path / "other", {"sample.py": b"x = 2"}, version=version)
    both(tmp_path, reflink, *words, other, before=wheel)


def test_markers_extras_and_addresses(wheel: Path, tmp_path: Path, reflink: Run) -> None:
    for text in (f"{wheel} ; python_version < '3'", f"{wheel}[x]", f"{wheel.as_uri()}", f"sample@{wheel.as_uri()}"):
        both(tmp_path, reflink, text)
        for name in ("ours", "theirs"):
            shutil.rmtree(tmp_path / name)


@pytest.mark.parametrize(
    ("variables", "configured"),
    [
        ({}, ""),
        ({"PIP_USER": "0"}, ""),
        ({"PIP_USER": "0", "PIP_CONSTRAINT": ""}, "[install]\nuser = yes\n"),
        ({}, "[install]\nrequire-hashes = false\n"),
    ],
)
def test_a_plain_wheel_needs_no_pip(
    variables: dict[str, str], configured: str, wheel: Path, tmp_path: Path, reflink: Run
) -> None:
    (tmp_path / "pip.conf").write_text(configured)
    both(tmp_path, reflink, wheel, **variables)
    assert packages(tmp_path / "ours") == {"sample": "1.0"}
    assert not list((tmp_path / "cache").glob("*/layers/pip-*"))
