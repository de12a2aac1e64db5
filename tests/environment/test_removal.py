"""Environments are deleted whole, and nothing else is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Run, bare
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.environment.lock import locked
from virtualenv_reflink.environment.removal import emptied, empty
from virtualenv_reflink.filesystem import native
from virtualenv_reflink.filesystem.subvolume import is_subvolume

BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)


def filled(root: Path, directories: int = 20) -> Path:
    """Make an environment with directories in directories, links that lead elsewhere, and files that are read-only."""
    bare(root)
    (root.parent / "elsewhere").mkdir()
    (root.parent / "elsewhere" / "file").touch()
    for number in range(directories):
        deep = root / "lib" / f"{number}" / "a" / "b" / "c"
        deep.mkdir(parents=True)
        for each in range(20):
            (deep / f"é\udce9{each}").touch(0o444)
        (deep / "link").symlink_to(root.parent / "elsewhere")
        (deep.parent / "broken").symlink_to("missing")
    return root


@pytest.mark.usefixtures("core")
def test_environments_go_and_what_they_link_to_stays(tmp_path: Path, reflink: Run) -> None:
    first, second = filled(tmp_path / "first"), bare(tmp_path / "second")
    done = reflink("remove", first, second)
    assert done.stdout == f"Removed {first}\nRemoved {second}\n"
    assert sorted(os.listdir(tmp_path)) == ["elsewhere"]
    assert os.listdir(tmp_path / "elsewhere") == ["file"]


def test_the_present_directory_goes_too(tmp_path: Path, reflink: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bare(tmp_path / "env"))
    assert reflink("remove", ".").stdout == "Removed .\n"
    assert not list(tmp_path.iterdir())
    monkeypatch.chdir(bare(tmp_path / "env") / "lib")
    assert reflink("remove", "..").stdout == "Removed ..\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("core")
def test_what_cannot_be_deleted_is_told_and_goes_with_the_next_call(tmp_path: Path, reflink: Run) -> None:
    environment = bare(tmp_path / "env")
    environment.joinpath(*"d" * 300).mkdir(parents=True)
    remove = [sys.executable, "-m", "virtualenv_reflink", "remove", environment]
    limited = ["bash", "-c", 'ulimit -n 100; exec "$@"', "bash", *remove]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    aside = tmp_path / ".env.deleted"
    assert done.stderr.startswith(f"error: {environment} is no more, but what it held cannot be deleted: {aside}/d/")
    assert done.stderr.endswith(f": Too many open files; delete {aside} by hand\n")
    reflink("remove", environment)
    assert os.listdir(tmp_path) == []


@BTRFS
@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("privileged", [True, False])
def test_a_subvolume_goes_at_once_where_that_is_allowed_and_file_by_file_elsewhere(
    tmp_path: Path, place: Path, reflink: Run, *, privileged: bool
) -> None:
    wheel = make_wheel(tmp_path, {f"sample/{number}.py": b"" for number in range(50)})
    options = ["--wheel-cache", place / "cache", "--link-mode", "snapshot", "--without-pip", "--with", wheel]
    reflink("venv", *options, place / "env")
    assert is_subvolume(str(site_packages(place / "env")))
    unprivileged = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    remove = [sys.executable, "-m", "virtualenv_reflink", "remove", "-q", place / "env"]
    with open(site_packages(place / "env") / "sample" / "0.py", "rb") as stream:
        done = subprocess.run([*([] if privileged else unprivileged), *remove], capture_output=True, check=True)
        # in a subvolume that is deleted as a whole no file is unlinked
        assert os.fstat(stream.fileno()).st_nlink == privileged
    assert (done.stdout, done.stderr) == (b"", b"")
    assert os.listdir(place) == ["cache"]


def test_what_is_no_environment_or_more_than_one_stays(tmp_path: Path, reflink: Run) -> None:
    environment = bare(tmp_path / "env")
    (tmp_path / "link").symlink_to("env")
    (tmp_path / "file").touch()
    (tmp_path / "directory" / "bin").mkdir(parents=True)
    project = bare(tmp_path / "project")
    (project / "pyproject.toml").touch()
    python = bare(tmp_path / "python")
    (python / "lib" / "python3.9").mkdir()
    (python / "lib" / "python3.9" / "os.py").touch()
    home = bare(tmp_path / "home")
    (home / "user").mkdir()
    bare(bare(tmp_path / "outer") / "inner")
    before = sorted(tmp_path.rglob("*"))
    for path, reason in {
        tmp_path / "missing": "there is no such directory",
        tmp_path / "file": "there is no such directory",
        tmp_path / "directory": "it is not an environment, since it has no pyvenv.cfg",
        tmp_path / "link": f"it is a link to {environment}; name that instead",
        project: "it holds a project too (pyproject.toml); delete what belongs to the environment by hand",
        python: "it is a Python that environments are made of",
        home: "it holds your home directory",
        tmp_path / "outer": "it holds another environment too (inner); remove that first",
        Path("/"): "it is not an environment, since it has no pyvenv.cfg",
        Path(sys.base_prefix): "it is not an environment, since it has no pyvenv.cfg",
        Path(sys.prefix): "this command runs in it; use the one of another environment",
    }.items():
        done = reflink("remove", path, code=1, env={**os.environ, "HOME": str(home / "user")})
        assert done.stderr == f"error: {path} cannot be removed: {reason}\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_one_that_cannot_be_moved_stays_whole(tmp_path: Path, reflink: Run) -> None:
    environment = bare(tmp_path / "env")
    before = sorted(environment.rglob("*"))
    subprocess.run(["mount", "--bind", environment, environment], check=True)
    try:
        done = reflink("remove", environment, code=1)
    finally:
        subprocess.run(["umount", environment], check=True)
    assert done.stderr == f"error: {environment} cannot be removed: Device or resource busy\n"
    assert sorted(environment.rglob("*")) == before


def test_whoever_changes_it_is_waited_for(tmp_path: Path) -> None:
    environment = bare(tmp_path / "env")
    command = [sys.executable, "-m", "virtualenv_reflink", "remove", environment]
    with locked(environment, print):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert process.stderr.readline() == f"waiting for another command that changes {environment} to end\n"
        assert environment.exists()
        shutil.rmtree(environment)
    assert process.communicate()[1] == f"error: {environment} cannot be removed: another process did\n"
    assert os.listdir(tmp_path) == []


def test_after_a_kill_nothing_looks_whole_and_the_rest_goes_with_the_next_call(
    tmp_path: Path, core: str, reflink: Run
) -> None:
    environment = filled(tmp_path / "env", 300)
    environ = {**os.environ, native.CORE: core}
    command = [sys.executable, "-m", "virtualenv_reflink", "remove", environment]
    with subprocess.Popen(command, env=environ) as process:
        while process.poll() is None and environment.exists():
            time.sleep(0.0005)
        process.kill()
    assert not environment.exists()
    if process.returncode == -signal.SIGKILL:
        assert sorted(os.listdir(tmp_path)) == [".env.deleted", "elsewhere"]
        reflink("remove", environment)
    assert os.listdir(tmp_path) == ["elsewhere"]


def test_a_directory_is_empty_at_once_and_what_it_held_is_deleted_later(tmp_path: Path) -> None:
    directory = tmp_path / "directory"
    (directory / "sub").mkdir(parents=True)
    (directory / "sub" / "file").touch()
    (directory / "link").symlink_to("sub")
    left_by_a_killed_process = tmp_path / ".directory.deleted" / "sub"
    left_by_a_killed_process.mkdir(parents=True)
    (left_by_a_killed_process / "old").touch()
    with suppress(KeyboardInterrupt), emptied(directory):
        assert os.listdir(directory) == []
        assert os.listdir(tmp_path / ".directory.deleted" / "sub") == ["file"]
        (directory / "new").touch()
        raise KeyboardInterrupt
    join_threads()
    assert os.listdir(tmp_path) == ["directory"]
    assert os.listdir(directory) == ["new"]


def test_what_makes_it_an_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = bare(tmp_path / "env")
    moved: list[str] = []
    rename = os.rename
    monkeypatch.setattr(os, "rename", lambda old, new: (moved.append(Path(old).name), rename(old, new)))
    empty(environment)
    assert moved[0] == "pyvenv.cfg"
    assert os.listdir(tmp_path) == ["env"]
    assert os.listdir(environment) == []


def test_what_a_link_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / "link").symlink_to("elsewhere")
    with emptied(tmp_path / "link"), emptied(tmp_path / "absent"):
        pass
    join_threads()
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "link"]
    assert os.listdir(tmp_path / "elsewhere") == ["file"]


def join_threads() -> None:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
