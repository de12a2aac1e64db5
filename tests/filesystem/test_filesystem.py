"""What the kernel offers, on the filesystems that offer it and on those that do not."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.loop_mounts import loop_mount
from virtualenv_reflink.filesystem import copying
from virtualenv_reflink.filesystem.copying import copy_file
from virtualenv_reflink.filesystem.deletion import emptied
from virtualenv_reflink.filesystem.extents import extents, shares_all_extents
from virtualenv_reflink.filesystem.probe import filesystem_name, why_not_clone, why_not_link
from virtualenv_reflink.filesystem.reflink import CannotCloneError, clone_file
from virtualenv_reflink.filesystem.umask import current_umask

SHARING = pytest.mark.parametrize("place", ["btrfs", "xfs"], indirect=True)
COPYING = pytest.mark.parametrize("place", ["ext4", "tmpfs"], indirect=True)
EVERYWHERE = pytest.mark.parametrize("place", ["btrfs", "xfs", "ext4", "tmpfs"], indirect=True)
MTIME_NS = 1_700_000_000_123_456_789


def a_file(directory: Path, size: int = 300_000) -> Path:
    path = directory / "source"
    path.write_bytes(os.urandom(size))
    return path


@SHARING
@pytest.mark.parametrize("size", [0, 1, 4096, 300_000])
def test_clone_has_the_same_data_and_its_own_mode_and_mtime(place: Path, size: int) -> None:
    source, target = a_file(place, size), place / "target"
    source.chmod(0o444)
    clone_file(str(source), str(target), 0o666, MTIME_NS)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mtime_ns == MTIME_NS
    assert target.stat().st_mode & 0o777 == 0o644
    if size >= 4096:
        assert shares_all_extents(target, source)


@SHARING
def test_writing_to_a_clone_leaves_its_source_alone(place: Path) -> None:
    source, target = a_file(place), place / "target"
    before = source.read_bytes()
    clone_file(str(source), str(target), 0o666, None)
    with target.open("r+b") as stream:
        stream.write(b"changed")
    assert source.read_bytes() == before
    assert not shares_all_extents(target, source)


@COPYING
def test_clone_is_refused_without_a_trace(place: Path) -> None:
    source = a_file(place)
    with pytest.raises(CannotCloneError):
        clone_file(str(source), str(place / "target"), 0o666, None)
    assert os.listdir(place) == ["source"]


def fill(directory: Path) -> None:
    """Take every byte that is left, then every inode that clones could have."""
    with suppress(OSError), (directory / "ballast").open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1 << 20))
    with suppress(OSError):
        for number in range(100_000):
            (directory / f"{number:0200}").touch()


@pytest.mark.usefixtures("xfs")
def test_a_full_disk_is_no_reason_to_fall_back() -> None:
    with loop_mount("xfs", 300) as small:
        source = a_file(small, 4096)
        fill(small)
        with pytest.raises(OSError, match="No space") as caught:
            clone_file(str(source), str(small / "target"), 0o666, None)
        assert caught.value.errno == errno.ENOSPC
        assert not isinstance(caught.value, CannotCloneError)


@EVERYWHERE
@pytest.mark.parametrize("means", ["copy_file_range", "sendfile", "read and write"])
def test_every_means_of_copying_copies(place: Path, means: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {"copy_file_range": [copying._copy_file_range], "sendfile": [copying._sendfile], "read and write": []}
    monkeypatch.setattr(copying, "_means", lambda: chosen[means])
    source, target = a_file(place, 3_000_000), place / "target"
    copy_file(str(source), str(target), 0o777, MTIME_NS)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o755
    assert target.stat().st_mtime_ns == MTIME_NS


@pytest.mark.parametrize("place", ["ext4"], indirect=True)
def test_a_means_the_kernel_lacks_gives_way_to_the_next(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(source_fd: int, target_fd: int) -> None:
        os.write(target_fd, os.read(source_fd, 10))
        raise OSError(errno.ENOSYS, "lacking")

    monkeypatch.setattr(copying, "_means", lambda: [lacking])
    source, target = a_file(place), place / "target"
    copy_file(str(source), str(target), 0o666, None)
    assert target.read_bytes() == source.read_bytes()


@EVERYWHERE
def test_neither_clone_nor_copy_replaces_a_file(place: Path) -> None:
    source, target = a_file(place), place / "target"
    target.write_text("mine")
    for put in (clone_file, copy_file):
        with pytest.raises(FileExistsError):
            put(str(source), str(target), 0o666, None)
    assert target.read_text() == "mine"


@EVERYWHERE
def test_probing_leaves_no_trace_and_gives_the_reason(place: Path) -> None:
    source = a_file(place)
    name = filesystem_name(str(place))
    reason = why_not_clone(str(source), str(place))
    assert reason == (None if name in {"btrfs", "xfs"} else f"{name} has no reflinks")
    assert why_not_link(str(source), str(place)) is None
    assert os.listdir(place) == ["source"]


@SHARING
def test_probing_across_filesystems_gives_the_reason(place: Path, tmpfs: Path) -> None:
    source = a_file(place)
    assert why_not_clone(str(source), str(tmpfs)) == "the wheel cache is on another filesystem"
    assert why_not_link(str(source), str(tmpfs)) == "the wheel cache is on another filesystem"


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_probing_a_nocow_directory_gives_the_reason(place: Path) -> None:
    source = a_file(place)
    nocow = place / "nocow"
    nocow.mkdir()
    subprocess.run(["chattr", "+C", nocow], check=True)
    reason = why_not_clone(str(source), str(nocow))
    assert reason is not None
    assert "NOCOW" in reason


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_a_clone_across_subvolumes_shares(place: Path) -> None:
    source = a_file(place)
    subprocess.run(["btrfs", "--quiet", "subvolume", "create", place / "other"], check=True)
    clone_file(str(source), str(place / "other" / "target"), 0o666, None)
    assert shares_all_extents(place / "other" / "target", source)


@SHARING
def test_a_fragmented_file_is_mapped_whole(place: Path) -> None:
    path = place / "holes"
    with path.open("wb") as stream:
        for number in range(600):
            stream.seek(number * 2 * 4096)
            stream.write(os.urandom(4096))
    found = extents(path)
    starts = {extent.logical for extent in found}
    # XFS may have reserved what lies between, so there can be more than was written
    assert starts >= {number * 2 * 4096 for number in range(600)}
    assert len(starts) == len(found)
    assert not any(extent.shared for extent in found)


def test_the_umask_is_told_without_being_set(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "umask", lambda mask: pytest.fail(f"umask({mask})"))
            assert current_umask() == 0o027
            patched.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(FileNotFoundError))
            patched.setattr(os, "umask", lambda _: 0o027)
            assert current_umask() == 0o027
    finally:
        os.umask(before)


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
