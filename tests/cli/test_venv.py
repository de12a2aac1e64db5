"""``virtualenv-reflink venv`` against ``python -m venv``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run, python_of
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel

SEEDS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")


def layout(environment: Path) -> dict[str, str]:
    """Each path but those inside the seed packages, whose versions differ, with its kind and mode or link."""
    found = {}
    for path in sorted(environment.rglob("*")):
        relative = path.relative_to(environment)
        _, _, inside = str(relative).partition("site-packages/")
        if inside.startswith(SEEDS):
            continue
        found[str(relative)] = str(path.readlink()) if path.is_symlink() else oct(path.stat().st_mode)
    return found


def configuration(environment: Path) -> str:
    return (environment / "pyvenv.cfg").read_text().replace(str(environment), "ENVIRONMENT")


def installed(environment: Path) -> set[str]:
    return {path.name.partition("-")[0] for path in site_packages(environment).glob("*.dist-info")}


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--copies"],
        ["--system-site-packages", "--prompt", "here"],
        ["--without-pip"],
        ["--symlinks", "--clear"],
        pytest.param(
            ["--without-scm-ignore-files"],
            marks=pytest.mark.skipif(sys.version_info < (3, 13), reason="venv has it since Python 3.13"),
        ),
    ],
    ids=" ".join,
)
def test_equals_what_the_standard_library_makes(tmp_path: Path, cache: Path, reflink: Run, options: list[str]) -> None:
    ours, theirs = tmp_path / "ours" / "env", tmp_path / "theirs" / "env"
    reflink("venv", "--wheel-cache", cache, *options, ours)
    subprocess.run([sys.executable, "-m", "venv", *options, theirs], check=True)
    assert layout(ours) == layout(theirs)
    assert configuration(ours) == configuration(theirs)
    assert installed(ours) == installed(theirs)
    if "--without-pip" not in options:
        subprocess.run([ours / "bin" / "pip", "check"], check=True)
        said = subprocess.run([ours / "bin" / "pip", "--version"], capture_output=True, text=True, check=True).stdout
        assert f"from {site_packages(ours)}/pip" in said


def test_several_directories_with_requirements_and_a_lock(tmp_path: Path, cache: Path, reflink: Run) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b""}, metadata="Requires-Dist: other\n")
    make_wheel(tmp_path, {"other.py": b""}, name="other")
    (tmp_path / "requirements.txt").write_text(f"--no-index\n--find-links {tmp_path}\nsample\n")
    first, second = tmp_path / "first", tmp_path / "second"
    reflink(
        "venv", "--wheel-cache", cache, "--without-pip", "--with-requirements", tmp_path / "requirements.txt",
        first, second,
    )  # fmt: skip
    for environment in (first, second):
        subprocess.run([python_of(environment), "-c", "import sample, other"], check=True)
        assert installed(environment) == {"sample", "other"}
    options = ["--no-index", "--find-links", tmp_path, "-o", tmp_path / "pylock.toml"]
    reflink("lock", "--wheel-cache", cache, *options, wheel)
    third = tmp_path / "third"
    reflink("venv", "--wheel-cache", cache, "--with-requirements", tmp_path / "pylock.toml", third)
    assert installed(third) >= {"sample", "other", "pip"}


def test_upgrading_keeps_a_newer_pip_and_clearing_does_not(tmp_path: Path, cache: Path, reflink: Run) -> None:
    environment = tmp_path / "env"
    newer = make_wheel(tmp_path, {"pip/__init__.py": b""}, name="pip", version="9999")
    reflink("venv", "--wheel-cache", cache, "--without-pip", "--with", newer, environment)
    reflink("venv", "--wheel-cache", cache, "--upgrade", environment)
    assert (site_packages(environment) / "pip-9999.dist-info").is_dir()
    reflink("venv", "--wheel-cache", cache, "--clear", environment)
    assert not (site_packages(environment) / "pip-9999.dist-info").exists()
    assert "pip" in installed(environment)


def test_the_latest_pip(tmp_path: Path, cache: Path, reflink: Run) -> None:
    reflink("venv", "--wheel-cache", cache, "--upgrade-deps", tmp_path / "env")
    subprocess.run([tmp_path / "env" / "bin" / "pip", "check"], check=True)


@pytest.mark.parametrize("version", ["3.10", "3.12"])
def test_another_interpreter(tmp_path: Path, cache: Path, reflink: Run, version: str) -> None:
    from tests.provision.test_parity import interpreter

    wheel = make_wheel(tmp_path, {"sample.py": b""})
    environment = tmp_path / "env"
    reflink("venv", "--wheel-cache", cache, "-p", interpreter(version), "--with", wheel, environment)
    question = "import sys, sample, pip; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python_of(environment), "-c", question], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == version


def test_what_cannot_be_made_is_not_left_behind(tmp_path: Path, cache: Path, reflink: Run) -> None:
    options = ["venv", "--wheel-cache", cache]
    done = reflink(*options, "--with", tmp_path / "missing-1.0-py3-none-any.whl", tmp_path / "env", code=1)
    assert done.stderr == f"error: {tmp_path}/missing-1.0-py3-none-any.whl cannot be used: there is no such file\n"
    assert not (tmp_path / "env").exists()
    (tmp_path / "file").touch()
    assert "there can be no environment at" in reflink(*options, tmp_path / "file", code=1).stderr
    assert "contradict" in reflink(*options, "--clear", "--upgrade", tmp_path / "env", code=1).stderr
    assert "no interpreter of that name" in reflink(*options, "-p", "9.9", tmp_path / "env", code=1).stderr
    assert reflink("nonsense", code=2).stderr.startswith("error: there is no command 'nonsense'")


def test_the_outcome_as_a_file(tmp_path: Path, cache: Path, reflink: Run) -> None:
    options = ["--wheel-cache", cache, "--link-mode", "copy", "--outcome", tmp_path / "outcome"]
    reflink("venv", *options, tmp_path / "first", tmp_path / "second")
    outcome = json.loads((tmp_path / "outcome").read_text())
    told = {"mode": "copy", "fallen_back": 0, "reasons": [], "warnings": [], "shared_objects": None}
    assert outcome == [{"environment": str(tmp_path / name), **told} for name in ("first", "second")]
    reflink("install", *options, "-p", tmp_path / "first", make_wheel(tmp_path, {"sample.py": b""}))
    assert json.loads((tmp_path / "outcome").read_text()) == outcome[:1]


def test_an_outcome_that_cannot_be_written_leaves_the_environment_whole(
    tmp_path: Path, cache: Path, reflink: Run
) -> None:
    options = ["--wheel-cache", cache, "--outcome", tmp_path / "absent" / "outcome"]
    said = reflink("venv", *options, tmp_path / "env", code=1).stderr
    assert said.startswith(f"error: the outcome cannot be written to {tmp_path}/absent/outcome: No such file")
    subprocess.run([tmp_path / "env" / "bin" / "pip", "--version"], check=True)
