"""Who may write to the cache, and who may read it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from tests.support.wheels import full_wheel
from virtualenv_reflink.cache.entries import LINKED
from virtualenv_reflink.cache.hard_links import Linked
from virtualenv_reflink.cache.layout import VERSION
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.errors import CacheError

PYTHON = Path(sys.executable)


def filled(root: Path, wheel: Path) -> WheelCache:
    cache = WheelCache(root)
    unpacked = cache.unpacked(wheel)
    cache.bytecode(unpacked, PYTHON, cache.facts(PYTHON))
    cache.links.note([Linked(unpacked.tree, LINKED)])

    def fill(entry: Path) -> None:
        (entry / "tree" / "package").mkdir(parents=True)
        (entry / "tree" / "package" / "file").write_text("")
        (entry / "layer.json").write_text("{}")

    cache.layer("layer-key", fill)
    return cache


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
def test_nobody_else_may_write_and_the_umask_says_who_may_read(tmp_path: Path, umask: int) -> None:
    wheel = full_wheel(tmp_path)
    before = os.umask(umask)
    try:
        filled(tmp_path / "cache", wheel)
        WheelCache(tmp_path / "cache").unpacked(wheel)
    finally:
        os.umask(before)
    found = {
        path: stat.S_IMODE(path.lstat().st_mode) for path in [tmp_path / "cache", *(tmp_path / "cache").rglob("*")]
    }
    readable = 0o055 & ~umask
    assert len(found) > 40
    for path, mode in found.items():
        assert not mode & 0o022, path
        if path.is_dir():
            assert mode == 0o700 | readable, path
        elif "locks" not in path.parts:
            assert mode & 0o044 == 0o044 & ~umask, path


LEVELS = [VERSION, *(f"{VERSION}/{path}" for path in ("wheels", "wheels/*", "wheels/*/unpacked", "digests"))]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_a_level_that_others_may_write_is_not_trusted(tmp_path: Path, level: str, mode: int) -> None:
    wheel = full_wheel(tmp_path)
    filled(tmp_path / "cache", wheel).write_note("digests", "some", "text")
    (place,) = (tmp_path / "cache").glob(level)
    place.chmod(mode)
    with pytest.raises(CacheError, match=r"can be written by others than its owner; run chmod -R go-w"):
        WheelCache(tmp_path / "cache").unpacked(wheel)
    place.chmod(0o755)
    WheelCache(tmp_path / "cache").unpacked(wheel)


@pytest.mark.parametrize("level", [*LEVELS, f"{VERSION}/layers", f"{VERSION}/layers/layer-key"])
def test_a_level_of_another_user_is_not_trusted(tmp_path: Path, level: str) -> None:
    if os.geteuid():
        pytest.skip("only root can give a directory away")
    wheel = full_wheel(tmp_path)
    filled(tmp_path / "cache", wheel).write_note("digests", "some", "text")
    (place,) = (tmp_path / "cache").glob(level)
    os.chown(place, 65534, -1)

    def use() -> None:
        cache = WheelCache(tmp_path / "cache")
        cache.unpacked(wheel)
        cache.cached_layer("layer-key")

    with pytest.raises(CacheError, match=r"belongs to another user \(uid 65534\)"):
        use()


@pytest.mark.parametrize("level", LEVELS[:4])
def test_a_level_that_is_a_link_or_a_file_is_not_trusted(tmp_path: Path, level: str) -> None:
    wheel = full_wheel(tmp_path)
    filled(tmp_path / "cache", wheel)
    (place,) = (tmp_path / "cache").glob(level)
    place.rename(tmp_path / "elsewhere")
    for make in (lambda: place.symlink_to(tmp_path / "elsewhere"), place.touch):
        make()
        with pytest.raises(CacheError, match="is not a directory; delete it, or choose another with --wheel-cache"):
            WheelCache(tmp_path / "cache").unpacked(wheel)
        place.unlink()


def test_nothing_is_created_in_a_cache_that_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    with pytest.raises(CacheError, match="every user"):
        WheelCache(tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


def test_a_cache_may_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "cache").symlink_to("real")
    unpacked = filled(tmp_path / "cache", full_wheel(tmp_path)).unpacked(full_wheel(tmp_path))
    assert (tmp_path / "real" / VERSION / "wheels" / unpacked.key).is_dir()
