"""Caches that are only read: whatever is done, nothing in them changes, and what they have is not unpacked again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run, python_of
from tests.provision.test_ordinary_user import AS_NOBODY, NOBODY
from tests.support.comparison import site_packages
from tests.support.extents import shares_all_extents
from tests.support.index import Index, write_lock
from tests.support.wheels import full_wheel, make_wheel
from virtualenv_reflink.cache.layout import VERSION

PAGES = b"content" * 2000
Facts = dict[str, tuple[int, ...]]


def facts(root: Path) -> Facts:
    """All that can be seen of what is in a directory, but for when it was read."""
    found = {str(path.relative_to(root)): path.lstat() for path in [root, *root.rglob("*")]}
    return {
        path: (status.st_ino, status.st_mode, status.st_nlink, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        for path, status in found.items()
    }


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path, {"one.py": b"print('one runs')\n", "data.bin": PAGES}, name="one")


@pytest.fixture
def fill(place: Path, reflink: Run) -> Callable[..., Path]:
    """Fill a base cache."""

    def run(*words: object) -> Path:
        reflink("cache", "fill", "--wheel-cache", place / "base", *words)
        return place / "base"

    return run


def unpacked(cache: Path) -> list[Path]:
    return list(cache.glob("v*/wheels/*/unpacked"))


@ONCE
@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_every_mode_serves_from_a_base_cache(place: Path, wheel: Path, fill: Callable[..., Path], reflink: Run) -> None:
    base = fill(wheel)
    before = facts(base)
    for mode in ("clone", "copy", "hardlink", "layer", "snapshot"):
        environment = place / mode
        words = ["--wheel-cache", place / f"own-{mode}", "--base-cache", base, "--link-mode", mode, "--with", wheel]
        assert "unpack" not in reflink("venv", *words, "-v", environment).stderr
        assert subprocess.check_output([python_of(environment), "-m", "one"], text=True) == "one runs\n"
        subprocess.run([python_of(environment), "-m", "pip", "check"], check=True, capture_output=True)
        assert facts(base) == before
        # files that environments share are those of one's own cache
        assert bool(unpacked(place / f"own-{mode}")) == (mode not in {"clone", "copy"})
    (source,) = base.glob("v*/wheels/*/unpacked/tree/purelib/data.bin")
    for mode in ("clone", "snapshot"):
        assert shares_all_extents(site_packages(place / mode) / "data.bin", source)


@pytest.mark.parametrize("place", ["tmpfs"], indirect=True)
def test_the_first_of_several_counts_and_bytecode_is_made_for_what_has_none(
    place: Path, wheel: Path, fill: Callable[..., Path], reflink: Run
) -> None:
    base = fill(wheel, "--no-compile-bytecode")
    shutil.copytree(base, place / "other", symlinks=True)
    before = facts(base)
    words = ["--wheel-cache", place / "own", "--base-cache", f"{base}{os.pathsep}{place / 'other'}", "--with", wheel]
    reflink("venv", *words, "--without-pip", place / "env")
    (compiled,) = place.glob("own/v*/wheels/*/bytecode-*/tree/purelib/__pycache__/one.*.pyc")
    assert unpacked(place / "own") == []
    (placed,) = site_packages(place / "env").glob("__pycache__/one.*.pyc")
    inode = placed.stat().st_ino
    subprocess.run([python_of(place / "env"), "-c", "import one"], check=True)
    # Python would replace what is stale
    assert placed.stat().st_ino == inode
    assert placed.read_bytes() == compiled.read_bytes()
    assert facts(base) == before


@pytest.mark.parametrize("place", ["tmpfs"], indirect=True)
@pytest.mark.parametrize("damage", ["file", "manifest", "all"])
def test_what_a_base_cache_has_lost_is_fetched(
    place: Path, wheel: Path, damage: str, fill: Callable[..., Path], reflink: Run
) -> None:
    base = fill(wheel)
    (entry,) = (path.parents[2] for path in base.glob("v*/wheels/*/unpacked/tree/purelib/one.py"))
    if damage == "file":
        (entry / "tree" / "purelib" / "one.py").unlink()
    elif damage == "manifest":
        (entry / "manifest.json").write_text("{")
    else:
        shutil.rmtree(entry.parent)
    before = facts(base)
    words = ["--wheel-cache", place / "own", "--base-cache", base, "--with", wheel, "--without-pip"]
    reflink("venv", *words, place / "env")
    assert subprocess.check_output([python_of(place / "env"), "-m", "one"], text=True) == "one runs\n"
    assert len(unpacked(place / "own")) == 1
    assert facts(base) == before


@pytest.mark.parametrize("place", ["tmpfs"], indirect=True)
def test_one_that_is_filled_from_a_lock_needs_no_network(
    tmp_path: Path, place: Path, index: Index, fill: Callable[..., Path], reflink: Run
) -> None:
    served = make_wheel(index.directory, {"one.py": b"print('one runs')\n"}, name="one")
    lock = tmp_path / "pylock.toml"
    write_lock(lock, index.file_url(served.name), index.directory)
    base = fill("--lock", lock)
    served.unlink()
    words = ["--wheel-cache", place / "own", "--base-cache", base, "--offline", "--with-requirements", lock]
    reflink("venv", *words, place / "env")
    assert subprocess.check_output([python_of(place / "env"), "-m", "one"], text=True) == "one runs\n"
    assert ". is editable" in reflink("cache", "fill", "--wheel-cache", base, "-e", ".", code=1).stderr


@pytest.fixture
def overlay(xfs: Path) -> Iterator[Path]:
    """An overlay whose layers are on one XFS, as those of container images are."""
    layers = xfs / "overlay"
    for name in ("lower", "upper", "work"):
        (layers / name).mkdir(parents=True)
    merged = xfs.parent / "merged"
    merged.mkdir()
    # access(2) knows nothing of capabilities, so the way there must be open to all
    xfs.parent.chmod(0o755)
    options = ",".join(f"{name}dir={layers / name}" for name in ("lower", "upper", "work"))
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], check=True)
    yield merged
    subprocess.run(["umount", merged], check=True)
    merged.rmdir()
    shutil.rmtree(layers)


@ONCE
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, and become another user")
def test_an_ordinary_user_of_an_image(
    xfs: Path, overlay: Path, tmp_path: Path, reflink: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = full_wheel(tmp_path)
    # what the image brings lies in its lower layer
    base = xfs / "overlay" / "lower" / "var" / "cache" / "base"
    base.parent.mkdir(parents=True)
    reflink("cache", "fill", "--wheel-cache", base, wheel)
    subprocess.run(["mount", "-o", "remount", overlay], check=True)
    seen = overlay / "var" / "cache" / "base"
    home = overlay / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    before = facts(base)
    for variable in ("HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "VIRTUALENV_OVERRIDE_APP_DATA"):
        monkeypatch.setenv(variable, str(home))
    monkeypatch.setenv("VIRTUALENV_BASE_CACHE", str(seen))
    command = [*AS_NOBODY, sys.executable, "-m", "virtualenv_reflink", "venv", "--link-mode", "clone", "--with", wheel]
    done = subprocess.run([*command, home / "env"], capture_output=True, text=True, check=False, cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    assert unpacked(home / "virtualenv-reflink") == []
    placed = xfs / "overlay" / "upper" / "home" / "env"
    (source,) = base.glob("v*/wheels/*/unpacked/tree/purelib/sample/data.txt")
    assert shares_all_extents(site_packages(placed) / "sample" / "data.txt", source)
    assert facts(base) == before


def test_what_is_no_base_cache_is_one_sentence(tmp_path: Path, wheel: Path, reflink: Run) -> None:
    base = tmp_path / "base"

    def said() -> str:
        words = ["venv", "--wheel-cache", tmp_path / "own", "--base-cache", base, "--without-pip", "--with", wheel]
        told = reflink(*words, tmp_path / "env", code=1).stderr
        assert told.count("\n") == 1
        assert not (tmp_path / "env").exists()
        return told

    assert f"there is no base cache {base}; fill one there, or leave it out of --base-cache" in said()
    base.mkdir()
    assert f"there is no {VERSION} in it" in said()
    reflink("cache", "fill", "--wheel-cache", base, wheel)
    base.chmod(0o775)
    assert "can be written by others than its owner; run chmod -R go-w" in said()
    base.chmod(0o777)
    assert "can be written by every user" in said()
    base.chmod(0o755)
    (entry,) = (path.parents[2] for path in base.glob("v*/wheels/*/unpacked/tree/purelib/one.py"))
    entry.chmod(0o775)
    assert "leave it out of --base-cache" in said()
    entry.chmod(0o755)
    os.chown(base, NOBODY, -1)
    assert f"belongs to another user (uid {NOBODY}); leave it out of --base-cache" in said()
