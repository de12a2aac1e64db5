"""What the kernel offers, on the filesystems that offer it and on those that do not."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.loop_mounts import loop_mount
from tests.conftest import require_mounts
from tests.support.extents import shares_all_extents
from virtualenv_reflink.filesystem import copying, reflink
from virtualenv_reflink.filesystem.atomic import atomic_write, atomic_write_unflushed
from virtualenv_reflink.filesystem.copying import copy_file
from virtualenv_reflink.filesystem.extents import Extent, extents, extents_of_all
from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.filesystem.probe import filesystem_name, why_not_clone, why_not_link, why_not_snapshot
from virtualenv_reflink.filesystem.reflink import CannotCloneError
from virtualenv_reflink.filesystem.source import SourceError

SHARING = pytest.mark.parametrize("place", ["btrfs", "xfs"], indirect=True)
COPYING = pytest.mark.parametrize("place", ["ext4", "tmpfs"], indirect=True)
EVERYWHERE = pytest.mark.parametrize("place", ["btrfs", "xfs", "ext4", "tmpfs"], indirect=True)
CLONING = pytest.mark.usefixtures("cloning")
MTIME_NS = 1_700_000_000_123_456_789


@pytest.fixture(params=["Linux", "macOS and Windows"])
def cloning(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clone as on these systems: on the latter by a package, which Python 3.10 has here too."""
    if request.param != "Linux":
        pytest.importorskip("reflink_copy")
        monkeypatch.setattr(reflink, "clone_file", reflink._clone_file_by_package)


def clone_file(source: str, target: str, mode: int, mtime_ns: int | None, size: int | None = None) -> None:
    reflink.clone_file(source, target, mode, mtime_ns, size)


def a_file(directory: Path, size: int = 300_000) -> Path:
    path = directory / "source"
    path.write_bytes(os.urandom(size))
    return path


@CLONING
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


@CLONING
@SHARING
def test_writing_to_a_clone_leaves_its_source_alone(place: Path) -> None:
    source, target = a_file(place), place / "target"
    before = source.read_bytes()
    clone_file(str(source), str(target), 0o666, None)
    with target.open("r+b") as stream:
        stream.write(b"changed")
    assert source.read_bytes() == before
    assert not shares_all_extents(target, source)


@CLONING
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
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSOCK])
def test_a_means_the_kernel_lacks_gives_way_to_the_next(
    place: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(source_fd: int, target_fd: int, _: Callable[[], None]) -> int:
        os.write(target_fd, os.read(source_fd, 10))
        raise OSError(code, "lacking")

    monkeypatch.setattr(copying, "_means", lambda: [lacking])
    source, target = a_file(place), place / "target"
    copy_file(str(source), str(target), 0o666, None)
    assert target.read_bytes() == source.read_bytes()


@CLONING
@EVERYWHERE
def test_neither_clone_nor_copy_replaces_a_file(place: Path) -> None:
    source, target = a_file(place), place / "target"
    target.write_text("mine")
    for put in (clone_file, copy_file):
        with pytest.raises(FileExistsError):
            put(str(source), str(target), 0o666, None)
    assert target.read_text() == "mine"


@CLONING
@EVERYWHERE
def test_probing_leaves_no_trace_and_gives_the_reason(place: Path) -> None:
    source = a_file(place)
    name = filesystem_name(str(place))
    reason = why_not_clone(str(source), str(place))
    assert reason == (None if name in {"btrfs", "xfs"} else f"{name} has no reflinks")
    assert why_not_link(str(source), str(place)) is None
    assert os.listdir(place) == ["source"]


@CLONING
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


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_other_systems_than_linux_have_no_subvolumes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not_snapshot(str(place), str(place)) is None
    monkeypatch.setattr("sys.platform", "darwin")
    assert why_not_snapshot(str(place), str(place)) == "btrfs has no subvolumes"
    assert os.listdir(place) == []


@SHARING
@pytest.mark.usefixtures("core")
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
    assert extents_of_all([str(path)]) == [found]


@EVERYWHERE
@pytest.mark.usefixtures("core")
def test_many_files_are_mapped_as_one_is(place: Path) -> None:
    def mapped(path: Path) -> list[Extent] | None:
        try:
            return extents(path)
        except OSError:
            return None

    (place / "link").symlink_to(a_file(place))
    (place / "shut").mkdir()
    for size in (0, 1, 5000, 300_000):
        (place / f"file\udcff{size}").write_bytes(os.urandom(size))
    paths = [*place.iterdir(), place / "missing", place / "source" / "below"]
    found = extents_of_all(map(str, paths))
    assert found == [mapped(path) for path in paths]
    assert found[paths.index(place / "link")] is found[paths.index(place / "missing")] is None
    assert bool(found[paths.index(place / "source")]) == (filesystem_name(place) != "tmpfs")


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


@CLONING
@EVERYWHERE
def test_a_missing_source_is_named_as_the_source(place: Path) -> None:
    missing, target = str(place / "missing"), str(place / "target")
    for put in (clone_file, copy_file):
        with pytest.raises(SourceError) as caught:
            put(missing, target, 0o666, None)
        assert (caught.value.filename, caught.value.errno) == (missing, errno.ENOENT)
    assert os.listdir(place) == []


@EVERYWHERE
def test_a_missing_target_directory_is_no_trouble_with_the_source(place: Path) -> None:
    source = str(a_file(place))
    for put in (clone_file, copy_file):
        with pytest.raises(FileNotFoundError) as caught:
            put(source, str(place / "missing" / "target"), 0o666, None)
        assert not isinstance(caught.value, SourceError)


@EVERYWHERE
@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 5000])
@pytest.mark.parametrize("expected", [0, 1, 4095, 4096, 5000, 9000])
def test_a_source_of_another_size_is_named(place: Path, size: int, expected: int) -> None:
    source, target = a_file(place, size), place / "target"
    longer_by_blocks = size > expected > 0 and expected % 4096 == 0
    for put in (clone_file, copy_file):
        if put is clone_file and (longer_by_blocks or filesystem_name(str(place)) not in {"btrfs", "xfs"}):
            continue
        if size == expected:
            put(str(source), str(target), 0o666, None, expected)
            assert target.read_bytes() == source.read_bytes()
            target.unlink()
        else:
            with pytest.raises(SourceError, match=f"{size} bytes in place of {expected}") as caught:
                put(str(source), str(target), 0o666, None, expected)
            assert caught.value.filename == str(source)
        assert os.listdir(place) == ["source"]


@pytest.mark.parametrize("write", [atomic_write, atomic_write_unflushed])
def test_a_small_file_is_replaced_whole_and_by_many_at_once(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "file"
    contents = [bytes([number]) * 300_000 for number in range(8)]
    threads = [threading.Thread(target=write, args=(path, content)) for content in contents * 4]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("write", [atomic_write, atomic_write_unflushed])
def test_a_small_file_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    require_mounts("tmpfs")
    with loop_mount("tmpfs", 1) as place:
        (place / "file").write_bytes(b"before")
        with pytest.raises(OSError, match="No space"):
            write(place / "file", bytes(2 << 20))
        assert (place / "file").read_bytes() == b"before"
        assert os.listdir(place) == ["file"]
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError, match="directory"):
        write(tmp_path / "directory", b"")
    assert os.listdir(tmp_path) == ["directory"]


def test_the_mode_of_a_small_file_is_subject_to_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "file", b"", 0o664)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_filesystem_without_hard_links_is_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel here has no such filesystem that can be written, so link(2) is what refuses."""
    source = a_file(tmp_path)
    name = filesystem_name(str(tmp_path))
    for code, reason in {
        errno.EPERM: f"{name} permits no hard links",
        errno.EOPNOTSUPP: f"{name} has no hard links",
        errno.ENOSYS: f"{name} has no hard links",
        errno.EMLINK: "a cached file has reached the limit of hard links",
    }.items():

        def refuse(_: str, __: str, code: int = code) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "link", refuse)
        assert why_not_link(str(source), str(tmp_path)) == reason


def test_links_to_the_files_of_others_are_told_as_such(tmp_path: Path) -> None:
    if os.geteuid() or Path("/proc/sys/fs/protected_hardlinks").read_text() != "1\n":
        pytest.skip("only root can become another user, and the kernel must protect hard links")
    a_file(tmp_path)
    tmp_path.chmod(0o755)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.chdir(theirs)
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os.write(writer, repr(why_not_link("../source", ".")).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader) as stream:
        reason = "only their owner may link to the files of the wheel cache (fs.protected_hardlinks)"
        assert stream.read() == repr(reason)
    assert os.listdir(theirs) == []


@pytest.mark.parametrize(
    "name", [b"cl\xe9", "clé".encode(), b"a b", b"tab\there", b"back\\slash", b"line\nline", b"\r"]
)
def test_a_mount_point_of_any_name_is_recognized(tmp_path: Path, name: bytes) -> None:
    require_mounts("tmpfs")
    place = os.path.join(os.fsencode(tmp_path), name)
    os.mkdir(place)
    before = filesystem_name(str(tmp_path))
    assert before != "tmpfs"
    subprocess.run([b"mount", b"-t", b"tmpfs", b"tmpfs", place], check=True)
    try:
        assert filesystem_name(os.fsdecode(place)) == "tmpfs"
        assert filesystem_name(str(tmp_path)) == before
    finally:
        subprocess.run([b"umount", place], check=True)
