"""Bad wheels and bad places: one sentence, exit status 1, and nothing half-done left behind."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.loop_mounts import loop_mount
from tests.conftest import Run, require_mounts, tree_digest
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel, record_hash
from virtualenv_reflink.cache.manifest import UnpackedWheel
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.filesystem.copying import copy_file
from virtualenv_reflink.filesystem.native import CORE
from virtualenv_reflink.placing import copy
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.transaction.install import install
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import transaction

INFO = "sample-1.0.dist-info"
MODULE = {"sample.py": b"answer = 42\n"}
Make = Callable[[Path], Path]


@pytest.fixture
def refused(tmp_path: Path, virtualenv: Run) -> Callable[..., str]:
    """Seed wheels that must be refused; check what is left, and return what was said."""

    def refuse(*wheels: Path, cache: Path | None = None, environment: Path | None = None, cached: bool = False) -> str:
        cache, environment = cache or tmp_path / "cache", environment or tmp_path / "env"
        virtualenv("--no-seed", environment)
        before = outside(tmp_path, cache), tree_digest(environment)
        options = [option for wheel in wheels for option in ("--with", wheel)]
        done = virtualenv("--no-pip", "--wheel-cache", cache, *options, environment, code=1)
        said = (done.stdout + done.stderr).strip()
        assert len(said.splitlines()) == 1, said
        assert "Traceback" not in said
        assert (outside(tmp_path, cache), tree_digest(environment)) == before
        assert not list(site_packages(environment).glob("sample*"))
        assert not list((environment / "bin").glob("sample*"))
        assert not Path("/evil.py").exists()
        assert not list(cache.glob("v*/staging/*"))
        assert cached or not list(cache.glob("v*/wheels/*/*"))
        return said

    return refuse


def outside(root: Path, cache: Path) -> set[Path]:
    """What is below ``root``, at any depth, but not in the cache."""
    return {path for path in root.rglob("*") if path != cache and cache not in path.parents}


def no_zip(directory: Path) -> Path:
    path = directory / "sample-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip at all")
    return path


def misnamed(directory: Path) -> Path:
    return make_wheel(directory, MODULE).rename(directory / "sample.whl")


def lying_size(directory: Path) -> Path:
    """A wheel whose entry says 10 bytes, and expands to 50 MiB."""
    bomb = bytes(50 << 20)
    record = f"sample.py,{record_hash(bomb)},10\n{metadata_rows(directory)}"
    wheel = make_wheel(directory, {"sample.py": bomb}, record=record)
    content = wheel.read_bytes()
    size = struct.pack("<L", len(bomb))
    assert content.count(size) >= 2
    wheel.write_bytes(content.replace(size, struct.pack("<L", 10)))
    return wheel


def metadata_rows(directory: Path) -> str:
    """The true RECORD rows of a sample wheel's metadata."""
    with zipfile.ZipFile(make_wheel(directory, {})) as archive:
        return archive.read(f"{INFO}/RECORD").decode()


def with_record(change: Callable[[str], str]) -> Make:
    def make(directory: Path) -> Path:
        true = f"sample.py,{record_hash(MODULE['sample.py'])},12\n{metadata_rows(directory)}"
        return make_wheel(directory, MODULE, record=change(true))

    return make


def without_record(directory: Path) -> Path:
    wheel = make_wheel(directory, MODULE)
    with zipfile.ZipFile(wheel) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if not name.endswith("RECORD")}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in kept.items():
            archive.writestr(name, content)
    return wheel


def with_entry(name: str, mode: int = stat.S_IFREG | 0o644, content: bytes = b"evil") -> Make:
    def make(directory: Path) -> Path:
        info = zipfile.ZipInfo("placeholder")
        # set afterwards, as the constructor tidies names
        info.filename = name
        info.external_attr = mode << 16
        return make_wheel(directory, MODULE, extra=[(info, content)])

    return make


def undecodable(compression: int) -> Make:
    """A wheel whose one large entry is compressed that way, and spoilt in the middle."""

    def make(directory: Path) -> Path:
        info = zipfile.ZipInfo("noise.bin")
        info.compress_type = compression
        wheel = make_wheel(directory, {}, extra=[(info, os.urandom(1 << 16))])
        content = bytearray(wheel.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 64] = bytes(64)
        wheel.write_bytes(content)
        return wheel

    return make


def of_files(*paths: str) -> Make:
    return lambda directory: make_wheel(directory, dict.fromkeys(paths, b""))


def with_entry_points(text: str) -> Make:
    return lambda directory: make_wheel(directory, MODULE, entry_points=text)


def twice(directory: Path) -> Path:
    with pytest.warns(UserWarning, match="Duplicate"):
        return make_wheel(directory, MODULE, extra=[("sample.py", b"again")])


def tagged(tag: str) -> Make:
    return lambda directory: make_wheel(directory, MODULE, tag=tag)


BAD_WHEELS: dict[str, tuple[Make, str]] = {
    "no zip": (no_zip, "not a sound zip"),
    "no wheel name": (misnamed, "its name"),
    "no such file": (lambda directory: directory / "sample-1.0-py3-none-any.whl", "no such file"),
    "no RECORD": (without_record, "no RECORD"),
    "wrong hash": (
        with_record(lambda text: text.replace("sample.py,sha256=", "sample.py,sha256=A")),
        "hash of 'sample.py'",
    ),
    "monstrous RECORD line": (with_record(lambda text: f"{'x' * 200_000},,\n{text}"), "RECORD has a bad line"),
    "weak hash": (with_record(lambda text: text.replace("sample.py,sha256=", "sample.py,md5=")), "'sample.py'"),
    "lying size": (lying_size, "sample.py"),
    "spoilt deflate": (undecodable(zipfile.ZIP_DEFLATED), "'noise.bin' cannot be read"),
    "spoilt bzip2": (undecodable(zipfile.ZIP_BZIP2), "'noise.bin' cannot be read"),
    "spoilt LZMA": (undecodable(zipfile.ZIP_LZMA), "'noise.bin' cannot be read"),
    "file and directory": (of_files("sample", "sample/a.py"), "'sample/a.py' collides"),
    "directory and file": (of_files("sample/a.py", "sample"), "'sample' collides"),
    "file in two schemes": (of_files("sample.py", "sample-1.0.data/purelib/sample.py"), "'sample.py' collides"),
    "endless name": (of_files("a" * 300), "has too long a name"),
    "endless depth": (of_files("a/" * 1900 + "b.py"), "too many directories"),
    "parent path": (with_entry("../evil.py"), "'../evil.py'"),
    "inner parent path": (with_entry("sample/../../evil.py"), "'sample/../../evil.py'"),
    "absolute path": (with_entry("/evil.py"), "'/evil.py'"),
    "drive path": (with_entry("C:/evil.py"), "'C:/evil.py'"),
    "drive path with backslash": (with_entry("C:\\evil.py"), "'C:\\\\evil.py'"),
    "backslash": (with_entry("sample\\..\\evil.py"), "evil.py"),
    "empty part": (with_entry("sample//evil.py"), "'sample//evil.py'"),
    "newline": (with_entry("evil\n.py"), "evil\\n.py"),
    "data parent path": (with_entry("sample-1.0.data/scripts/../../evil"), "evil"),
    "unknown scheme": (with_entry("sample-1.0.data/elsewhere/evil"), "'sample-1.0.data/elsewhere/evil' belongs to no"),
    "no scheme": (with_entry("sample-1.0.data/evil"), "'sample-1.0.data/evil' belongs to no"),
    "scheme that is a file": (with_entry("sample-1.0.data/scripts"), "'sample-1.0.data/scripts' belongs to no"),
    "data that is a file": (with_entry("sample-1.0.data"), "'sample-1.0.data' belongs to no"),
    "symlink": (with_entry("link", stat.S_IFLNK | 0o777, b"/etc/passwd"), "'link' is a link"),
    "disk": (with_entry("disk", stat.S_IFBLK | 0o666), "'disk' is a link or a device"),
    "device": (with_entry("device", stat.S_IFCHR | 0o666), "'device' is a link or a device"),
    "pipe": (with_entry("pipe", stat.S_IFIFO | 0o666), "'pipe' is a link or a device"),
    "twice": (twice, "'sample.py' twice"),
    "script with slash": (with_entry_points("[console_scripts]\n../sample = sample:main\n"), "'../sample'"),
    "script with backslash": (with_entry_points("[console_scripts]\nsample\\a = sample:main\n"), "'sample\\\\a'"),
    "script with absolute path": (with_entry_points("[console_scripts]\n/sample = sample:main\n"), "'/sample'"),
    "script that is ..": (with_entry_points("[console_scripts]\n.. = sample:main\n"), "'..'"),
    # importlib.metadata ends a line there
    "script with line separator": (with_entry_points("[console_scripts]\na\u2028b = sample:main\n"), "name = value"),
    "script with control": (with_entry_points("[console_scripts]\nsample\x07 = sample:main\n"), "sample\\x07"),
    "script without function": (with_entry_points("[console_scripts]\nsample = sample\n"), "entry_points.txt"),
    "script of code": (with_entry_points("[console_scripts]\nsample = os:abort;evil\n"), "entry_points.txt"),
    "script of nonsense": (with_entry_points("[console_scripts]\nsample = a b c:d\n"), "entry_points.txt"),
    "another platform": (tagged("py3-none-win_amd64"), "another platform"),
    "another Python": (tagged("cp27-cp27m-manylinux1_x86_64"), "another Python"),
    "another ABI": (tagged("cp37-cp37m-manylinux1_x86_64"), "another Python"),
}


@pytest.mark.parametrize(("make", "reason"), BAD_WHEELS.values(), ids=BAD_WHEELS)
def test_a_bad_wheel_is_refused_whole(tmp_path: Path, make: Make, reason: str, refused: Callable[..., str]) -> None:
    wheel = make(tmp_path)
    said = refused(wheel)
    assert wheel.name in said
    assert reason in said


def test_a_wheel_for_a_later_python_is_refused(tmp_path: Path, refused: Callable[..., str]) -> None:
    wheel = make_wheel(tmp_path, MODULE, metadata="Requires-Python: >=99,\n <100\n")
    said = refused(wheel, cached=True)
    assert wheel.name in said
    assert "requires Python >=99, <100, and this environment has 3." in said


def test_of_two_wheels_that_hold_one_file_the_same_one_wins_as_with_pip(tmp_path: Path, virtualenv: Run) -> None:
    wheels = [
        make_wheel(tmp_path, {"sample_both.py": b"1"}, name="sample"),
        make_wheel(tmp_path, {"sample_both.py": b"2"}, name="sample_other"),
    ]
    options = ["--no-pip", "--wheel-cache", tmp_path / "cache"]
    given = [option for wheel in wheels for option in ("--with", wheel)]
    virtualenv(*options, *given, tmp_path / "together")
    virtualenv("--no-seed", tmp_path / "by pip")
    pip = [sys.executable, "-m", "pip", "--python", tmp_path / "by pip", "install", "-q"]
    subprocess.run([*pip, *wheels], check=True)
    ours, theirs = (site_packages(tmp_path / each) / "sample_both.py" for each in ("together", "by pip"))
    assert ours.read_bytes() == theirs.read_bytes()


def test_of_wheels_that_come_one_after_the_other_the_later_one_wins(tmp_path: Path, virtualenv: Run) -> None:
    first = make_wheel(tmp_path, {"sample_both.py": b"1"}, name="sample")
    second = make_wheel(tmp_path, {"sample_both.py": b"2"}, name="sample_other")
    for wheel in (second, first):
        virtualenv("--no-pip", "--wheel-cache", tmp_path / "cache", "--with", wheel, tmp_path / "env")
    assert (site_packages(tmp_path / "env") / "sample_both.py").read_bytes() == b"1"
    assert (site_packages(tmp_path / "env") / "sample_other-1.0.dist-info").is_dir()


def test_a_foreign_file_is_neither_replaced_nor_removed(tmp_path: Path, virtualenv: Run) -> None:
    environment, wheel = tmp_path / "env", make_wheel(tmp_path, {"a.py": b"", **MODULE})
    virtualenv("--no-seed", environment)
    foreign = site_packages(environment) / "sample.py"
    foreign.write_text("mine")
    before = tree_digest(environment)
    done = virtualenv("--no-pip", "--wheel-cache", tmp_path / "cache", "--with", wheel, environment, code=1)
    assert f"{wheel.name} cannot be installed: {foreign} is there already" in done.stdout + done.stderr
    assert tree_digest(environment) == before


def test_a_wheel_cannot_replace_the_interpreter(tmp_path: Path, refused: Callable[..., str]) -> None:
    wheel = make_wheel(tmp_path, {"sample-1.0.data/data/bin/python": b"", **MODULE})
    assert f"{wheel.name} cannot be installed: {tmp_path}/env/bin/python is there" in refused(wheel, cached=True)


def test_an_upgrade_that_fails_leaves_the_old_version(tmp_path: Path, virtualenv: Run) -> None:
    environment, cache = tmp_path / "env", ["--no-pip", "--wheel-cache", tmp_path / "cache"]
    old = make_wheel(
        tmp_path, {"sample/inner/a.py": b"", **MODULE}, entry_points="[console_scripts]\nsample = sample:a\n"
    )
    virtualenv(*cache, "--with", old, environment)
    (site_packages(environment) / "sample_new.py").write_text("foreign")
    before = tree_digest(environment)
    new = make_wheel(tmp_path, {"sample_new.py": b"", **MODULE}, version="2.0")
    done = virtualenv(*cache, "--with", new, environment, code=1)
    assert "sample_new.py is there already" in done.stdout + done.stderr
    assert tree_digest(environment) == before
    assert not (environment / ".virtualenv-reflink-replaced").exists()


def test_a_record_that_lists_directories_takes_none_away(tmp_path: Path, virtualenv: Run) -> None:
    environment = tmp_path / "env"
    virtualenv("--no-seed", environment)
    library = site_packages(environment)
    (library / "sample-0.9.dist-info").mkdir()
    (library / "sample-0.9.dist-info" / "RECORD").write_text(
        "./,,\n../../../bin,,\nkept,,\n../../../../outside.txt,,\n"
    )
    (library / "kept").mkdir()
    for kept in (library / "kept" / "file", tmp_path / "outside.txt"):
        kept.write_text("kept")
    virtualenv("--no-pip", "--wheel-cache", tmp_path / "cache", "--with", make_wheel(tmp_path, MODULE), environment)
    assert (library / "kept" / "file").exists()
    assert (tmp_path / "outside.txt").exists()
    assert (environment / "bin" / "python").exists()
    assert not (library / "sample-0.9.dist-info").exists()


def test_what_only_an_installer_can_know_is_made_anew(tmp_path: Path, virtualenv: Run) -> None:
    info = "sample-1.0.dist-info"
    wheel = make_wheel(tmp_path, {f"{info}/INSTALLER": b"somebody", f"{info}/REQUESTED": b"", **MODULE})
    virtualenv("--no-pip", "--wheel-cache", tmp_path / "cache", "--with", wheel, tmp_path / "env")
    assert (site_packages(tmp_path / "env") / info / "INSTALLER").read_text() == "virtualenv-reflink\n"


def test_an_installed_record_of_any_bytes_is_read(tmp_path: Path, virtualenv: Run) -> None:
    environment, wheel = tmp_path / "env", make_wheel(tmp_path, MODULE)
    virtualenv("--no-seed", environment)
    old = site_packages(environment) / "sample-0.9.dist-info"
    old.mkdir()
    (old / "RECORD").write_bytes(b"\xff.py,,\nsample-0.9.dist-info/RECORD,,\n")
    unnamed = os.path.join(os.fsencode(site_packages(environment)), b"\xff.py")
    Path(os.fsdecode(unnamed)).touch()
    virtualenv("--no-pip", "--wheel-cache", tmp_path / "cache", "--with", wheel, environment)
    assert not os.path.exists(unnamed)
    assert not old.exists()


def test_a_link_in_place_of_a_directory_is_not_followed(tmp_path: Path, virtualenv: Run) -> None:
    environment, wheel = tmp_path / "env", make_wheel(tmp_path, {"sample/__init__.py": b""})
    virtualenv("--no-seed", environment)
    (tmp_path / "outside").mkdir()
    (site_packages(environment) / "sample").symlink_to(tmp_path / "outside")
    virtualenv("--no-pip", "--wheel-cache", tmp_path / "cache", "--with", wheel, environment, code=1)
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.fixture
def small() -> Iterator[Path]:
    """A filesystem with hardly any room."""
    require_mounts("tmpfs")
    with loop_mount("tmpfs", 2) as place:
        yield place


def large_wheel(directory: Path) -> Path:
    return make_wheel(directory, {f"sample/{number}.bin": os.urandom(1 << 20) for number in range(4)})


def test_no_space_for_the_cache(tmp_path: Path, small: Path, refused: Callable[..., str]) -> None:
    said = refused(large_wheel(tmp_path), cache=small / "cache")
    assert str(small / "cache") in said
    assert "No space left on device; free some space" in said


def test_no_space_for_the_environment(tmp_path: Path, small: Path, refused: Callable[..., str]) -> None:
    wheel = large_wheel(tmp_path)
    said = refused(wheel, environment=small / "env", cached=True)
    assert wheel.name in said
    assert "No space left on device" in said


def bare_environment(root: Path) -> Environment:
    """An environment that nobody has made yet."""
    python, library = Path(sys.executable), root / "lib"
    return Environment(root, python, python, (3, 13, 0), library, library, root / "bin", root / "include", root, root)


def install_copies(unpacked: UnpackedWheel, environment: Environment) -> None:
    with transaction(environment, print) as change:
        install([SuppliedWheel(unpacked, None, requested=True)], environment, Placer([copy.Copy]), change, Progress())


def test_names_that_differ_in_case_where_case_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels without case folding cannot mount such a filesystem, so creating files is what folds the names here."""
    wheel = make_wheel(tmp_path, {"sample/a.py": b"1", "sample/A.py": b"2"})
    unpacked = WheelCache(tmp_path / "cache").unpacked(wheel)

    def folding(source: str, target: str, *attributes: Any) -> None:
        copy_file(source, target.lower(), *attributes)

    monkeypatch.setenv(CORE, "python")
    monkeypatch.setattr(copy, "copy_file", folding)
    with pytest.raises(InstallError, match=f"{wheel.name} cannot be installed: .*sample/a.py is there already"):
        install_copies(unpacked, bare_environment(tmp_path / "env"))
    assert not (tmp_path / "env").exists()


def test_an_interrupt_leaves_nothing_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = WheelCache(tmp_path / "cache").unpacked(make_wheel(tmp_path, {"a/a.py": b"", "b/b.py": b"", **MODULE}))

    def interrupted(source: str, target: str, *attributes: Any) -> None:
        if target.endswith("b.py"):
            raise KeyboardInterrupt
        copy_file(source, target, *attributes)

    monkeypatch.setenv(CORE, "python")
    monkeypatch.setattr(copy, "copy_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        install_copies(unpacked, bare_environment(tmp_path / "env"))
    assert not (tmp_path / "env").exists()


def test_a_data_directory_may_be_spelled_unlike_the_file_name(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"Sample-1.0.data/scripts/tool": b"#!python\n"}, name="Sample")
    unpacked = WheelCache(tmp_path / "cache").unpacked(wheel.rename(tmp_path / "sample-1.0-py3-none-any.whl"))
    assert unpacked.metadata.rewritten_scripts == ["tool"]


def test_a_cache_of_another_user_is_not_trusted(tmp_path: Path, refused: Callable[..., str]) -> None:
    if os.geteuid():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("only root can give a directory away")
    (tmp_path / "cache").mkdir()
    os.chown(tmp_path / "cache", 65534, -1)
    assert "belongs to another user" in refused(make_wheel(tmp_path, MODULE))


def test_a_cache_that_everybody_can_write_is_not_trusted(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    assert "every user" in refused(make_wheel(tmp_path, MODULE))


def test_a_cache_that_is_a_file_is_refused(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "cache").touch()
    assert "is not a directory" in refused(make_wheel(tmp_path, MODULE))


def test_a_read_only_cache_serves_what_it_holds(tmp_path: Path, virtualenv: Run) -> None:
    require_mounts("tmpfs")
    held, other = make_wheel(tmp_path, MODULE), make_wheel(tmp_path, {"other.py": b""}, name="other")
    with loop_mount("tmpfs", 64) as place:
        options = ["--wheel-cache", place / "cache", "--with", held]
        virtualenv(*options, tmp_path / "first")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        virtualenv(*options, tmp_path / "second")
        done = virtualenv(*options, "--with", other, tmp_path / "third", code=1)
    assert (site_packages(tmp_path / "second") / "sample.py").exists()
    said = (done.stdout + done.stderr).strip()
    assert "cannot be written: Read-only file system; choose another with --wheel-cache" in said
    assert "Traceback" not in said
    assert not list(site_packages(tmp_path / "third").glob("*.dist-info"))
