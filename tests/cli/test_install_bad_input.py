"""What cannot be resolved, fetched or installed: one clear message, exit status 1, everything as it was."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.loop_mounts import loop_mount
from tests.conftest import Install, Run, bare, require_mounts, tree_digest
from tests.support.comparison import packages, site_packages
from tests.support.index import Index, write_lock
from tests.support.projects import make_project
from tests.support.tools import default_signals
from tests.support.wheels import make_wheel
from virtualenv_reflink.cli import install as command
from virtualenv_reflink.environment.discovery import PendingTarget, find_target
from virtualenv_reflink.errors import TargetError

Refused = Callable[..., str]


@pytest.fixture
def refused(install: Install, environment: Path, cache: Path) -> Refused:
    """Install what cannot be installed; nothing of it may be left anywhere."""

    def run(*args: object, **kwargs: object) -> str:
        before = tree_digest(environment)
        said = install(*args, code=1, **kwargs)
        assert said.stderr.startswith("error: ")
        assert tree_digest(environment) == before
        assert not list(cache.glob("v*/staging/*"))
        return said.stderr

    return run


def test_requirements_in_conflict(index: Index, refused: Refused) -> None:
    make_wheel(index.directory, {}, name="a", metadata="Requires-Dist: c<2\n")
    make_wheel(index.directory, {}, name="b", metadata="Requires-Dist: c>=2\n")
    for version in ("1.0", "2.0"):
        make_wheel(index.directory, {}, name="c", version=version)
    said = refused("a", "b")
    assert "The conflict is caused by:" in said
    assert "a 1.0 depends on c<2" in said
    assert "b 1.0 depends on c>=2" in said


def test_names_that_nobody_knows(index: Index, refused: Refused) -> None:
    assert "No matching distribution found for nobody" in refused("nobody")
    assert "Invalid requirement" in refused("==")
    assert "requirements file" in refused("-r", index.directory / "missing.txt")
    assert refused("--lock", index.directory / "pylock.toml").endswith("cannot be read: No such file or directory\n")


@pytest.mark.usefixtures("index")
def test_an_index_that_is_down(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    assert "No matching distribution found for sample" in refused("sample")


@pytest.mark.parametrize("status", [404, 500])
def test_an_index_that_answers_errors(index: Index, refused: Refused, status: int) -> None:
    index.status = status
    assert "No matching distribution found for sample" in refused("sample")


def test_an_index_that_answers_something_else(index: Index, refused: Refused) -> None:
    index.body = b"<!DOCTYPE html><html><body><h1>Please log in</h1></body></html>"
    assert "No matching distribution found for sample" in refused("sample")


def test_an_index_that_is_slow(index: Index, refused: Refused) -> None:
    index.seconds = 3
    said = refused("sample", "--timeout", "1", "--retries", "0")
    assert "timed out" in said or "No matching distribution found" in said


def test_a_variable_that_is_no_number(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUALENV_REMEMBER_FOR", "ever")
    assert "--remember-for: 'ever' is not a number of seconds" in install("sample", code=2).stderr


@pytest.mark.usefixtures("index")
def test_a_broken_sdist_shows_its_build_log(tmp_path: Path, refused: Refused) -> None:
    project = make_project(tmp_path / "project", code="raise SystemExit('the compiler is missing')\n")
    assert "the compiler is missing" in refused(project)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"sha256": "0" * 64}, "HASH"),
        ({"lock-version": "2.0"}, "pylock version 2.0 is not supported"),
        ({"requires-python": ">=4"}, "is not for this environment"),
        ({"environments": "[\"sys_platform == 'plan9'\"]"}, "is not for this environment"),
        ({"created-by": '"'}, "is not TOML"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_locks_that_cannot_be_used(
    tmp_path: Path, index: Index, refused: Refused, table: dict[str, str], said: str
) -> None:
    wheel = make_wheel(index.directory, {"lonely.py": os.urandom(9)}, name="lonely")
    write_lock(tmp_path / "pylock.toml", index.file_url(wheel.name), index.directory, **table)
    assert said in refused("--lock", tmp_path / "pylock.toml").replace("hash", "HASH")


def test_a_lock_for_another_platform(tmp_path: Path, index: Index, refused: Refused) -> None:
    wheel = make_wheel(index.directory, {"lonely.py": b""}, name="lonely", tag="cp313-cp313-win_amd64")
    write_lock(tmp_path / "pylock.toml", index.file_url(wheel.name), index.directory)
    assert "No wheel found matching the provided tags for package 'lonely'" in refused(
        "--lock", tmp_path / "pylock.toml"
    )


def test_a_lock_with_files_that_are_gone(tmp_path: Path, index: Index, refused: Refused) -> None:
    wheel = make_wheel(index.directory, {"lonely.py": os.urandom(9)}, name="lonely")
    lock = tmp_path / "pylock.toml"
    write_lock(lock, index.file_url(wheel.name), index.directory)
    wheel.unlink()
    assert "404" in refused("--lock", lock)
    lock.write_text(lock.read_text().replace(f'url = "{index.file_url(wheel.name)}"', f'path = "{wheel.name}"'))
    assert f"names {wheel.name}, which does not exist" in refused("--lock", lock)


def test_targets_that_are_none(tmp_path: Path, reflink: Run) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("#!/bin/sh\nexit 3\n")
    for named, said in {
        tmp_path / "empty": "is not an environment: it has no bin/python",
        tmp_path / "missing": "there is no environment and no interpreter at",
        tmp_path / "file": "is not a Python interpreter that runs",
        "python9.9": "no interpreter of that name on the PATH",
    }.items():
        assert said in reflink("install", "-p", named, "six", code=1).stderr
    for option in ("--target", "--prefix", "--root"):
        assert "is not a directory" in reflink("install", option, tmp_path / "file", "six", code=1).stderr


def test_a_python_that_is_managed_externally(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: Path
) -> None:
    """The Pythons of this machine are nobody's, so the marker is put where the target would have been asked for it."""
    marker = tmp_path / "EXTERNALLY-MANAGED"
    marker.write_text("[externally-managed]\nError=To install Python packages,\n use apt.\n")
    target = find_target(str(environment))._replace(managed_by=marker)
    monkeypatch.setattr(PendingTarget, "target", lambda _: target)
    with pytest.raises(TargetError, match=r"(?s)is managed by somebody else .*--break-system-packages.*use apt\."):
        command.run(["six"])
    marker.write_bytes(b"\xff")
    with pytest.raises(TargetError, match="is managed by somebody else"):
        command.run(["six"])
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    assert command.run(["-q", "--break-system-packages", "--wheel-cache", str(tmp_path / "cache"), str(wheel)]) == 0
    assert packages(environment) == {"sample": "1.0"}


def test_a_target_that_is_read_only(tmp_path: Path, reflink: Run) -> None:
    require_mounts("tmpfs")
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    with loop_mount("tmpfs", 64) as place:
        environment = bare(place / "env")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        said = reflink("install", "--wheel-cache", tmp_path / "cache", "-p", environment, wheel, code=1).stderr
        assert f"{site_packages(environment)} is not writable" in said


def test_a_disk_that_is_full_half_way(tmp_path: Path, cache: Path, reflink: Run) -> None:
    require_mounts("tmpfs")
    old = make_wheel(tmp_path, {"small.py": b"old"}, name="small")
    wheels = [make_wheel(tmp_path, {"small.py": b"new"}, name="small", version="2.0")]
    wheels += [make_wheel(tmp_path, {f"{name}.bin": os.urandom(3 << 20)}, name=name) for name in ("first", "second")]
    with loop_mount("tmpfs", 5) as place:
        environment = bare(place / "env")
        options = ["install", "--wheel-cache", cache, "-p", environment]
        reflink(*options, old)
        before = tree_digest(environment)
        said = reflink(*options, *wheels, code=1).stderr
        assert os.strerror(errno.ENOSPC) in said
        assert tree_digest(environment) == before
        reflink(*options, *wheels[:2])
        assert packages(environment) == {"small": "2.0", "first": "1.0"}


def test_of_two_installations_at_once_one_waits(index: Index, cache: Path, environment: Path) -> None:
    for name in ("one", "two"):
        make_wheel(index.directory, {f"{name}.py": b"", "both.py": name.encode()}, name=name)
    index.seconds = 0.5
    start = [sys.executable, "-m", "virtualenv_reflink", "install", "--wheel-cache", str(cache), "-p", str(environment)]
    running = [subprocess.Popen([*start, name], stderr=subprocess.PIPE, text=True) for name in ("one", "two")]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sorted(text.startswith("waiting for another command that changes") for text in said) == [False, True]
    assert packages(environment) == {"one": "1.0", "two": "1.0"}


def test_an_interrupt_leaves_everything_whole(index: Index, cache: Path, environment: Path, install: Install) -> None:
    make_wheel(index.directory, {"sample.py": b""})
    index.seconds = 30
    before = tree_digest(environment)
    command = [
        sys.executable,
        "-m",
        "virtualenv_reflink",
        "install",
        "--wheel-cache",
        cache,
        "-p",
        environment,
        "sample",
    ]
    # what a shell starts in the background ignores interrupts, and so would all that the tests start
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=default_signals,
    )
    while not index.asked:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert said.startswith("interrupted: ")
    assert "Traceback" not in said
    assert tree_digest(environment) == before
    index.seconds = 0
    install("sample")
    assert packages(environment) == {"sample": "1.0"}


def test_a_filesystem_that_fails(reflink: Run) -> None:
    require_mounts("xfs")
    with loop_mount("xfs", 400) as mount:
        environment, cache = bare(mount / "env"), ("--wheel-cache", mount / "cache")
        reflink("venv", *cache, mount / "other")
        subprocess.run(["xfs_io", "-x", "-c", "shutdown -f", mount], check=True, capture_output=True)
        for command in (
            ("install", *cache, "-p", environment, "six"),
            ("eject", *cache, mount / "other"),
            ("lock", *cache, "-p", environment / "bin" / "python", "six", "-o", mount / "pylock.toml"),
            ("venv", *cache, mount / "other"),
            ("venv", *cache, "-p", environment, mount / "new"),
        ):
            done = reflink(*command, code=1)
            assert (done.stdout, done.stderr.count("\n")) == ("", 1), done.stderr
            assert "Input/output error" in done.stderr
