"""The native core and Python place the same files alike, and fail alike."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.loop_mounts import loop_mount
from tests.conftest import require_mounts
from tests.support.tasks import new_tasks, tasks
from tests.support.tools import default_signals
from virtualenv_reflink.cache.file_table import File, FileTable
from virtualenv_reflink.filesystem import native
from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.filesystem.source import SourceError
from virtualenv_reflink.placing.batches import Batch
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.hardlink import Hardlink
from virtualenv_reflink.placing.mode import FileMode
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.placing.worklist import Worklist
from virtualenv_reflink.progress import Progress

pytestmark = pytest.mark.usefixtures("core")
MODES = pytest.mark.parametrize("mode", [Clone, Copy, Hardlink])
EVERYWHERE = pytest.mark.parametrize("place", ["btrfs", "xfs", "ext4", "tmpfs"], indirect=True)
MTIME_NS = -1_500_000_001
LARGE = 50_000_000
NAMES = ["plain", "source.py", "é\udce9", "tool", "line\nline", "n" * 255]


class Counting(Progress):
    """Counts the steps."""

    steps = 0

    def step(self, what: str, count: int = 1) -> None:  # noqa: ARG002
        self.steps += count


def sources(place: Path, sizes: dict[str, int]) -> list[File]:
    """Make files, one in two of them executable as the manifest has it, and return their rows."""
    (place / "source").mkdir()
    (place / "target").mkdir()
    for name, size in sizes.items():
        (place / "source" / name).write_bytes(os.urandom(size))
    return [File(name, bool(number % 2), size, "") for number, (name, size) in enumerate(sizes.items())]


def place_all(place: Path, files: list[File], mode: type[FileMode], progress: Progress | None = None) -> Outcome:
    """Place files one to a batch, so that several threads have something to do."""
    placer = Placer([mode])
    with Worklist(placer, progress or Progress()) as worklist:
        for file in files:
            how = mode(current_umask())
            worklist.add([Batch(str(place / "source"), str(place / "target"), FileTable.of([file]), MTIME_NS, how)])
    return placer.outcome


@EVERYWHERE
@MODES
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_files_have_their_data_mode_and_mtime(place: Path, mode: type[FileMode], umask: int) -> None:
    before = os.umask(umask)
    started = time.time_ns()
    try:
        sizes = {name: [0, 1, 4095, 4096, 300_000, 3_000_001][number] for number, name in enumerate(NAMES)}
        files = sources(place, sizes)
        progress = Counting()
        outcome = place_all(place, files, mode, progress)
    finally:
        os.umask(before)
    refuses = mode is Clone and place.parent.parent.name.split("-")[0] in {"ext4", "tmpfs"}
    # an empty file has no data to share
    assert outcome.fallen_back == (len(NAMES) - 1 if refuses else 0)
    assert progress.steps == len(NAMES)
    for name, executable, *_ in files:
        source, target = place / "source" / name, place / "target" / name
        assert target.read_bytes() == source.read_bytes()
        assert target.samefile(source) == (mode is Hardlink)
        if mode is not Hardlink:
            status = target.stat()
            assert status.st_mode & 0o777 == 0o666 & ~umask | (0o111 if executable else 0)
            assert status.st_mtime_ns == MTIME_NS if name.endswith(".py") else status.st_mtime_ns > started - 10**9
    assert len(os.listdir(place / "target")) == len(NAMES)


def unlink_source(place: Path) -> None:
    (place / "source" / "bad").unlink()


def lengthen(place: Path) -> None:
    with (place / "source" / "bad").open("ab") as stream:
        stream.write(b"more")


def occupy(place: Path) -> None:
    (place / "target" / "bad").write_text("mine")


def occupy_by_directory(place: Path) -> None:
    (place / "target" / "bad").mkdir()


def take_target(place: Path) -> None:
    (place / "target").rmdir()


def take_source(place: Path) -> None:
    (place / "source").rename(place / "elsewhere")


@pytest.mark.parametrize("place", ["btrfs", "ext4"], indirect=True)
@MODES
@pytest.mark.parametrize(
    ("spoil", "kind", "code", "which"),
    [
        (unlink_source, SourceError, errno.ENOENT, "source"),
        (lengthen, SourceError, errno.EIO, "source"),
        (occupy, FileExistsError, errno.EEXIST, "target"),
        (occupy_by_directory, FileExistsError, errno.EEXIST, "target"),
        (take_target, FileNotFoundError, errno.ENOENT, "target"),
        (take_source, SourceError, errno.ENOENT, "source"),
    ],
)
def test_the_file_that_fails_is_named_and_nothing_is_left_of_it(
    place: Path, mode: type[FileMode], spoil: Callable[[Path], None], kind: type[OSError], code: int, which: str
) -> None:
    if mode is Hardlink and spoil is lengthen:
        pytest.skip("a link has whatever size the file has")
    files = sources(place, {"bad": 5000})
    spoil(place)
    before = sorted(place.rglob("*"))
    with pytest.raises(kind) as caught:
        place_all(place, files, mode)
    assert type(caught.value) is kind
    assert (caught.value.errno, caught.value.filename) == (code, str(place / which / "bad"))
    if spoil is lengthen:
        assert caught.value.strerror == "it has 5004 bytes in place of 5000"
    assert sorted(place.rglob("*")) == before


@MODES
def test_a_full_disk_leaves_no_part_of_a_file(mode: type[FileMode]) -> None:
    require_mounts("tmpfs")
    # copies run out of bytes, links of inodes
    size, limits = (0, "nr_inodes=30") if mode is Hardlink else (300_000, "")
    with loop_mount("tmpfs", 10, limits) as small:
        files = sources(small, {f"{number}": size for number in range(24)})
        with pytest.raises(OSError, match="No space left") as caught:
            place_all(small, files, mode)
        assert caught.value.errno == errno.ENOSPC
        assert caught.value.filename.startswith(str(small / "target"))
        placed = list((small / "target").iterdir())
        assert 0 < len(placed) < 24
        for path in placed:
            assert path.read_bytes() == (small / "source" / path.name).read_bytes()


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("mode", [Clone, Copy])
@pytest.mark.parametrize("spare", [0, 1])
def test_a_process_out_of_descriptors_does_not_blame_the_source(
    place: Path, core: str, mode: type[FileMode], spare: int
) -> None:
    files = sources(place, {f"{number}": 5000 for number in range(20)})
    # what has been imported needs no descriptor
    assert native.core()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    try:
        # a thread of the native core has files of its own, and begins with the standard streams
        taken = 3 if core == "native" else lowest + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken + spare, limits[1]))
        with pytest.raises(OSError, match="Too many open files") as caught:
            place_all(place, files, mode)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        os.close(lowest)
    assert not isinstance(caught.value, SourceError)
    assert os.listdir(place / "target") == []


@pytest.mark.parametrize("place", ["tmpfs"], indirect=True)
def test_nothing_is_placed_after_one_has_failed(place: Path) -> None:
    files = sources(place, {f"{number}": 20_000 for number in range(500)})
    (place / "target" / "3").touch()
    before = tasks()
    with pytest.raises(FileExistsError):
        place_all(place, files, Copy)
    placed = sorted(os.listdir(place / "target"))
    assert len(placed) < 250
    assert not new_tasks(before)


@pytest.mark.parametrize("place", ["tmpfs"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_it_soon(place: Path, core: str, number: signal.Signals) -> None:
    """It comes while large files are copied: Ctrl-C leaves no part of one, and after ``kill -9`` nothing goes on."""
    code = f"""
from pathlib import Path
from tests.placing.test_cores import LARGE, Copy, File, place_all
place_all(Path({str(place)!r}), [File(f"{{each}}", False, LARGE, "") for each in range(12)], Copy)
"""
    sources(place, {"0": LARGE})
    for each in range(1, 12):
        os.link(place / "source" / "0", place / "source" / f"{each}")
    options: dict[str, Any] = {
        "cwd": Path(__file__).parents[2],
        "env": {**os.environ, native.CORE: core},
        "stderr": subprocess.DEVNULL,
        "preexec_fn": default_signals,
    }
    with subprocess.Popen([sys.executable, "-c", code], **options) as process:
        while process.poll() is None and not list((place / "target").iterdir()):
            time.sleep(0.001)
        process.send_signal(number)
    assert process.returncode == -number
    sizes = [path.stat().st_size for path in (place / "target").iterdir()]
    assert len(sizes) < 12
    assert number == signal.SIGKILL or set(sizes) <= {LARGE}
    time.sleep(0.2)
    assert [path.stat().st_size for path in (place / "target").iterdir()] == sizes
