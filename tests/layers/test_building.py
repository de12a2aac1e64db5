"""Layers made of other layers, layers of wheels that hold the same file, layers that cannot be finished."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.loop_mounts import loop_mount
from tests.conftest import Run, bare, python_of
from tests.support.comparison import differences
from tests.support.index import Index
from tests.support.wheels import full_wheel, make_wheel
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.discovery import find_target
from virtualenv_reflink.errors import CacheLostError
from virtualenv_reflink.filesystem.subvolume import is_subvolume
from virtualenv_reflink.layers.building import LayerBuilder
from virtualenv_reflink.layers.layer import kind_of
from virtualenv_reflink.layers.pth import PthLayer
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.transaction.supplied import SuppliedWheel

ON_BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)
MODES = pytest.mark.parametrize("mode", ["snapshot", "layer"])


def begun_from(cache: Path) -> list[str | None]:
    """Return, layer by layer in the order of making, the UUID of the snapshot it began as."""
    trees = [path for path in cache.glob("v*/layers/*/tree") if is_subvolume(str(path))]
    shown = [subprocess.check_output(["btrfs", "subvolume", "show", tree], text=True) for tree in trees]
    fields = [dict(line.strip().split(":", 1) for line in text.splitlines()[1:] if ":" in line) for text in shown]
    by_age = sorted(fields, key=lambda field: int(field["Subvolume ID"]))
    return [field["Parent UUID"].strip() for field in by_age]


def fill(ballast: Path, block: bytes) -> None:
    """Write until the disk is full."""
    with open(ballast, "wb", buffering=0) as stream:
        while True:
            stream.write(block)


@ON_BTRFS
@MODES
def test_a_layer_made_of_another_one_is_as_if_made_anew(tmp_path: Path, place: Path, mode: str, reflink: Run) -> None:
    first, second = full_wheel(tmp_path), make_wheel(tmp_path, {"second/x.py": b"1", "second/y.py": b""}, name="second")
    third = make_wheel(tmp_path, {"third.py": b"", "sample/more.py": b""}, name="third")
    newer = make_wheel(tmp_path, {"second/x.py": b"2", "second/z.py": b""}, name="second", version="2.0")
    for number, wheels in enumerate([[first, second], [first, second, third], [third, newer, first], [newer]]):
        made, expected = place / mode / str(number) / "env", place / "clone" / str(number) / "env"
        for environment, link_mode in ((made, mode), (expected, "clone")):
            options = ["--wheel-cache", place / "cache", "--link-mode", link_mode]
            reflink("install", *options, "-p", bare(environment), *wheels)
        if mode == "layer":
            reflink("eject", "--wheel-cache", place / "cache", "--link-mode", "clone", made)
        assert differences(made, expected) == []
    if mode == "snapshot":
        assert [parent != "-" for parent in begun_from(place / "cache")] == [False, True, True, False]


@ON_BTRFS
@MODES
def test_of_two_wheels_with_the_same_file_the_later_decides(
    tmp_path: Path, place: Path, mode: str, reflink: Run
) -> None:
    wheels = [make_wheel(tmp_path, {"same.py": f"print({name!r})".encode()}, name=name) for name in ("a", "b", "c")]
    for chosen in (wheels[:1], wheels[1:], wheels):
        words = [word for wheel in chosen for word in ("--with", wheel)]
        environments = [place / str(len(chosen)) / name for name in (mode, "clone")]
        for environment in environments:
            options = ["--wheel-cache", place / "cache", "--without-pip", "--link-mode", environment.name, *words]
            reflink("venv", *options, environment)
        said = [subprocess.check_output([python_of(environment), "-m", "same"]) for environment in environments]
        assert said[0] == said[1]


@MODES
def test_a_disk_that_fills_up_while_a_layer_is_built(tmp_path: Path, mode: str, reflink: Run) -> None:
    big = make_wheel(tmp_path, {f"sample/{number}.py": b"" for number in range(9000)})
    with loop_mount("btrfs", 128) as place:
        options = ["--wheel-cache", place / "cache", "--no-compile-bytecode", "--without-pip"]
        reflink("venv", *options, "--with", big, place / "first")
        for size in (1 << 20, 1 << 12):
            with pytest.raises(OSError, match="No space"):
                fill(place / f"ballast-{size}", b"x" * size)
        said = reflink("venv", *options, "--link-mode", mode, "--with", big, place / "env", code=1).stderr
        assert "No space left on device" in said
        assert not (place / "env").exists()
        assert not list(place.glob("cache/v*/layers/*/tree/sample"))
        assert not list(place.glob("cache/v*/staging/*"))
        for ballast in place.glob("ballast-*"):
            ballast.unlink()
        subprocess.run(["btrfs", "filesystem", "sync", place], check=True)
        reflink("venv", *options, "--link-mode", mode, "--with", big, place / "env")
        subprocess.run([python_of(place / "env"), "-c", "import sample"], check=True)


@pytest.mark.parametrize("place", ["xfs", "ext4"], indirect=True)
def test_layers_are_built_where_hard_links_are_refused(place: Path, index: Index, reflink: Run) -> None:
    """Between two mounts of one filesystem link(2) is refused; our own pip comes from a layer too."""
    make_wheel(index.directory, {"sample.py": b"print('whole')"})
    cache = ["--wheel-cache", place / "cache"]
    reflink("venv", *cache, "--with", make_wheel(place, {"other.py": b"print('other')"}, name="other"), place / "first")
    (wheels,) = place.glob("cache/*/wheels")
    subprocess.run(["mount", "--bind", wheels, wheels], check=True)
    try:
        reflink("install", *cache, "--link-mode", "copy", "-p", place / "first", "other", "--dry-run")
        wheel = place / "other-1.0-py3-none-any.whl"
        reflink("venv", *cache, "--link-mode", "layer", "--without-pip", "--with", wheel, place / "second")
        (layer,) = place.glob("cache/*/layers/layer-*/tree")
        assert subprocess.check_output([python_of(place / "second"), "-m", "other"], text=True) == "other\n"
        assert not [path for path in (layer, *layer.rglob("*")) if path.lstat().st_mode & 0o222]
    finally:
        subprocess.run(["umount", wheels], check=True)


def test_the_order_of_wheels_that_hold_one_file_makes_another_layer(tmp_path: Path, reflink: Run) -> None:
    wheels = [make_wheel(tmp_path, {"same.py": f"print({name!r})".encode()}, name=name) for name in ("a", "b")]
    for number, order in enumerate([wheels, wheels[::-1]]):
        words = [word for wheel in order for word in ("--with", wheel)]
        environments = [tmp_path / f"{mode}-{number}" for mode in ("layer", "copy")]
        for environment in environments:
            options = ["--wheel-cache", tmp_path / "cache", "--without-pip", "--link-mode", environment.name[:-2]]
            reflink("venv", *options, *words, environment)
        said = [subprocess.check_output([python_of(environment), "-m", "same"]) for environment in environments]
        assert said[0] == said[1]


def test_a_cache_that_was_moved_serves_its_layers(tmp_path: Path, reflink: Run) -> None:
    options = ["--link-mode", "layer", "--with", full_wheel(tmp_path)]
    reflink("venv", "--wheel-cache", tmp_path / "cache", *options, tmp_path / "first")
    (tmp_path / "cache").rename(tmp_path / "moved")
    reflink("venv", "--wheel-cache", tmp_path / "moved", *options, tmp_path / "second")
    assert subprocess.check_output([tmp_path / "second" / "bin" / "sample"], text=True) == "sample runs\n"
    assert len(list(tmp_path.glob("moved/*/layers/layer-*"))) == 1


class Deleted(PthLayer):
    """A layer whose tree somebody deletes as soon as it is begun."""

    def begin(self, tree: str, base: str | None) -> None:
        super().begin(tree, base)
        shutil.rmtree(tree)


def test_a_layer_that_is_deleted_while_it_is_built_was_lost(tmp_path: Path) -> None:
    environment = find_target(str(bare(tmp_path / "env"))).environment
    cache, mode = WheelCache(tmp_path / "cache"), Deleted()
    wheels = [SuppliedWheel(cache.unpacked(full_wheel(tmp_path)), None, requested=True)]
    builder = LayerBuilder(mode, kind_of(mode, None), environment, Progress())
    with pytest.raises(CacheLostError):
        cache.layer("layer-x", builder.filling(wheels))
