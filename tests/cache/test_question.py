"""Interpreters that answer, whatever else they print, and those that do not."""

from __future__ import annotations

import stat
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Install, Run, bare, python_of
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.cache.question import Question
from virtualenv_reflink.environment.discovery import find_target
from virtualenv_reflink.errors import TargetError

NOISE = {
    "stdout": "import sys; print('noise'); sys.stdout.flush()",
    "unflushed": "import sys; sys.stdout.write('{\"a\": 1}')",
    "stderr": "import sys; sys.stderr.write('noise')",
    "bytes that are no text": "import os; os.write(1, b'\\xff\\xfe\\x00'); os.write(2, b'\\xff')",
    "much": "print('noise' * 100000)",
    "at exit": "import atexit; atexit.register(print, 'noise')",
    "another stdout": "import sys, io; sys.stdout = io.StringIO()",
    "failing": "raise RuntimeError('noise')",
    "non-zero at exit": "import atexit, os; atexit.register(os._exit, 3)",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
@pytest.mark.parametrize("name", ["noise.pth", "sitecustomize.py"])
def test_what_a_target_prints_is_not_its_answer(
    tmp_path: Path, environment: Path, install: Install, noise: str, name: str
) -> None:
    (site_packages(environment) / name).write_text(f"import sys; exec({noise!r})\n" if name[-3:] == "pth" else noise)
    assert find_target(str(environment)).environment.root == environment
    install(make_wheel(tmp_path, {"sample.py": b""}))
    assert (site_packages(environment) / "sample.py").exists()


def test_an_answer_that_is_not_ascii(tmp_path: Path) -> None:
    odd = bare(tmp_path / "ünvironment-日本")
    assert find_target(str(odd)).environment.root == odd


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("exit 3", "it exits with status 3"),
        ("exit 0", "it does not answer"),
        ("kill -9 $$", "it was ended by signal 9"),
        ("echo '{}'", "it does not answer"),
        ("echo first >&2; echo last >&2; echo >&2; exit 1", "last"),
        ("printf '\\377\\n' >&2; exit 1", "\ufffd"),
        ("cat", "it does not answer"),
    ],
)
def test_what_is_no_interpreter(tmp_path: Path, text: str, told: str) -> None:
    named = script(tmp_path / "python", text)
    with pytest.raises(TargetError) as raised:
        find_target(str(named))
    assert str(raised.value) == f"{named} is not a Python interpreter that runs: {told}"


def test_what_cannot_be_started(tmp_path: Path, reflink: Run) -> None:
    text = tmp_path / "text"
    text.touch()
    (tmp_path / "directory").mkdir()
    gone = bare(tmp_path / "gone")
    python_of(gone).unlink()
    python_of(gone).symlink_to(tmp_path / "uninstalled")
    expected = {
        text: "is not a Python interpreter that runs: Permission denied",
        script(tmp_path / "no-loader", "").parent / "absent": "there is no environment and no interpreter at",
        tmp_path / "directory": "is not an environment: it has no bin/python",
        gone: f"the interpreter of {gone} is missing: {gone}/bin/python points at {tmp_path}/uninstalled",
    }
    for named, told in expected.items():
        for command in (["install", "-p", named, "six"], ["venv", "-p", named, tmp_path / "env"]):
            said = reflink(*command, code=1).stderr
            assert told in said
            assert "cache" not in said
            assert said.count("\n") == 1
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize("text", ["exec sleep 60", "sleep 60 & wait"])
def test_an_interpreter_that_hangs(tmp_path: Path, text: str) -> None:
    began = time.monotonic()
    question = Question(script(tmp_path / "python", text), "answer = 1")
    with pytest.raises(TargetError, match=r"it gives no answer within 0\.2 seconds"):
        question.answer(seconds=0.2)
    assert time.monotonic() - began < 30


def test_an_interpreter_that_went_away_is_not_the_fault_of_the_cache(tmp_path: Path, install: Install) -> None:
    environment = tmp_path / "env"
    named = script(tmp_path / "python", f'exec {sys.executable} "$@"')
    bare(environment)
    # what answers names a base that is not there
    fake = f"import sys; sys._base_executable = {str(tmp_path / 'uninstalled')!r}\n"
    (site_packages(environment) / "base.pth").write_text(fake)
    said = install(make_wheel(tmp_path, {"sample.py": b""}), into=environment, code=1).stderr
    assert said == f"error: the interpreter {tmp_path}/uninstalled cannot be used: No such file or directory\n"
    assert named.stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize("version", ["2.7.18", "3.6.15", "3.7.16", "3.8.18"])
def test_a_target_that_is_too_old(tmp_path: Path, reflink: Run, version: str) -> None:
    from virtualenv.seed.wheels.embed import BUNDLE_SUPPORT

    python = Path.home() / ".pyenv" / "versions" / version / "bin" / "python"
    minor = version.rpartition(".")[0]
    if not python.exists() or minor in BUNDLE_SUPPORT:
        pytest.skip(f"there is no Python {version} that is too old")
    oldest = min(BUNDLE_SUPPORT, key=lambda text: [int(number) for number in text.split(".")])
    for command in (
        ["install", "-p", python, "six"],
        ["venv", "-p", python, tmp_path / "env"],
        ["lock", "-p", python, "six"],
    ):
        said = reflink(*command, code=1, cwd=tmp_path).stderr
        assert f"Python {minor} is too old, {oldest} is the oldest that virtualenv" in said
        assert said.count("\n") == 1
    assert not (tmp_path / "env").exists()


def test_the_oldest_target_that_virtualenv_supports(
    tmp_path: Path, cache: Path, virtualenv: Run, install: Install
) -> None:
    from virtualenv.seed.wheels.embed import BUNDLE_SUPPORT

    oldest = min(BUNDLE_SUPPORT, key=lambda text: [int(number) for number in text.split(".")])
    found = sorted((Path.home() / ".pyenv" / "versions").glob(f"{oldest}.*/bin/python"))
    if not found:
        pytest.skip(f"there is no Python {oldest}")
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    virtualenv("-p", found[0], "--wheel-cache", cache, "--with", wheel, tmp_path / "old")
    assert (site_packages(tmp_path / "old") / "sample.py").exists()
    assert list((site_packages(tmp_path / "old") / "__pycache__").glob("sample.*.pyc"))
    install(make_wheel(tmp_path, {"other.py": b""}, name="other"), into=tmp_path / "old")
