"""Two processes place the same files."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from virtualenv_reflink.cache.manifest import File
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.placing.batches import Batch
from virtualenv_reflink.placing.linking import Linker, Place
from virtualenv_reflink.placing.placer import Placing
from virtualenv_reflink.progress import Progress

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork"),
]
HERE = os.getpid()
FILES = 2000


@pytest.fixture(autouse=True)
def _forks(monkeypatch: pytest.MonkeyPatch) -> None:
    # the tests' workers have threads, none of which holds a lock that placing files needs
    monkeypatch.setattr("virtualenv_reflink.placing.placer.may_fork", lambda: True)


def placed_by(put: Place, directory: Path, placed: list[str]) -> None:
    batches = [
        Batch("", str(directory), [File(f"{number}.{each}", False, 0, "") for each in range(10)], None, put)
        for number in range(FILES // 10)
    ]
    with Placing(FILES, Linker("copy"), placed, Progress()) as placing:
        placing.add(batches)


def write_who(files: list[Duplicate], done: list[str]) -> None:
    for _, target, _, _ in files:
        with open(target, "x") as stream:
            stream.write(str(os.getpid()))
        done.append(target)
    time.sleep(0.001)


@pytest.mark.parametrize("slow", ["here", "there"])
def test_each_file_is_placed_once_and_most_by_whoever_is_free(tmp_path: Path, slow: str) -> None:
    def put(files: list[Duplicate], done: list[str]) -> None:
        write_who(files, done)
        time.sleep(0.01 if (os.getpid() == HERE) == (slow == "here") else 0)

    placed: list[str] = []
    placed_by(put, tmp_path, placed)
    assert sorted(placed) == sorted(map(str, tmp_path.iterdir()))
    assert len(placed) == FILES
    here = sum(path.read_text() == str(HERE) for path in tmp_path.iterdir())
    # a third is not shared
    assert here < FILES * 0.5 if slow == "here" else here > FILES * 0.7


@pytest.mark.parametrize("how", ["killed there", "failed there", "failed here"])
def test_all_that_may_have_been_placed_is_known_when_one_fails(tmp_path: Path, how: str) -> None:
    def put(files: list[Duplicate], done: list[str]) -> None:
        write_who(files, done)
        who = "here" if os.getpid() == HERE else "there"
        if how == f"killed {who}":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == f"failed {who}":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), files[0][1])

    placed: list[str] = []
    with pytest.raises(OSError, match="No space left" if "failed" in how else "was killed"):
        placed_by(put, tmp_path, placed)
    assert set(map(str, tmp_path.iterdir())) <= set(placed)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
