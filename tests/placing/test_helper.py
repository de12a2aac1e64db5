"""Two processes place the same files."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from virtualenv_reflink.cache.manifest import File
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.filesystem.source import SourceError
from virtualenv_reflink.placing.batches import Batch
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.placing.worklist import Worklist
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
    monkeypatch.setattr("virtualenv_reflink.placing.helper.threading.active_count", lambda: 1)


class Writing(Copy):
    """Writes into each file which process placed it."""

    def __init__(self, after: Callable[[Sequence[Duplicate]], None]) -> None:
        super().__init__(0)
        self._after = after

    def place(self, files: Sequence[Duplicate]) -> Iterator[OSError]:
        for _, target, *_ in files:
            with open(target, "x") as stream:
                stream.write(str(os.getpid()))
        time.sleep(0.001)
        self._after(files)
        yield from ()


def place_all(directory: Path, after: Callable[[Sequence[Duplicate]], None]) -> None:
    mode = Writing(after)
    batches = [
        Batch("", str(directory), [File(f"{number}.{each}", False, 0, "") for each in range(10)], None, mode)
        for number in range(FILES // 10)
    ]
    with Worklist(FILES, Placer([Copy]), Progress()) as worklist:
        worklist.add(batches)


@pytest.mark.parametrize("slow", ["here", "there"])
def test_each_file_is_placed_once_and_most_by_whoever_is_free(tmp_path: Path, slow: str) -> None:
    place_all(tmp_path, lambda _: time.sleep(0.03 if (os.getpid() == HERE) == (slow == "here") else 0))
    assert len(list(tmp_path.iterdir())) == FILES
    here = sum(path.read_text() == str(HERE) for path in tmp_path.iterdir())
    # a third is not shared
    assert here < FILES * 0.5 if slow == "here" else here > FILES * 0.7


@pytest.mark.parametrize("how", ["killed there", "failed there", "failed here"])
def test_nothing_is_placed_after_one_of_them_has_failed(tmp_path: Path, how: str) -> None:
    def after(files: Sequence[Duplicate]) -> None:
        who = "here" if os.getpid() == HERE else "there"
        if how == f"killed {who}":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == f"failed {who}":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), files[0][1])

    with pytest.raises(OSError, match="No space left" if "failed" in how else "was killed"):
        place_all(tmp_path, after)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    before = len(list(tmp_path.iterdir()))
    time.sleep(0.2)
    assert len(list(tmp_path.iterdir())) == before


def test_a_fault_of_the_cache_is_told_as_one_whoever_meets_it(tmp_path: Path) -> None:
    def after(files: Sequence[Duplicate]) -> None:
        if os.getpid() != HERE:
            raise SourceError(errno.ENOENT, os.strerror(errno.ENOENT), files[0][0])

    with pytest.raises(SourceError, match="No such file"):
        place_all(tmp_path, after)


def test_one_process_does_it_where_the_system_has_no_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    place_all(tmp_path, lambda _: None)
    assert {path.read_text() for path in tmp_path.iterdir()} == {str(HERE)}
    assert len(list(tmp_path.iterdir())) == FILES


def test_a_system_that_forgets_children_by_itself_is_no_failure(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        place_all(tmp_path, lambda _: None)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert len(list(tmp_path.iterdir())) == FILES


def test_the_second_process_ends_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed while both place files; the other one runs nothing of what the parent would have undone."""
    code = f"""
import os, time
from pathlib import Path
from tests.placing.test_helper import place_all
try:
    place_all(Path({str(tmp_path)!r}), lambda _: time.sleep(0.02))
finally:
    Path({str(tmp_path)!r}, "undone").touch()
"""
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, start_new_session=True) as process:
        while process.poll() is None and len({path.read_text() for path in tmp_path.iterdir()}) < 2:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    time.sleep(0.3)
    placed = set(tmp_path.iterdir())
    time.sleep(0.3)
    assert set(tmp_path.iterdir()) == placed
    assert tmp_path / "undone" not in placed
    assert len(placed) < FILES
