"""What was changed in a layer is not served again."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run, bare, python_of, tree_digest
from tests.support.wheels import full_wheel, make_wheel
from virtualenv_reflink.cache import changes
from virtualenv_reflink.cache.record_hash import hash_of_file
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.discovery import find_target
from virtualenv_reflink.filesystem.subvolume import is_subvolume, seal_subvolume, unseal_subvolume
from virtualenv_reflink.layers import integrity, stamps
from virtualenv_reflink.layers.building import LayerBuilder
from virtualenv_reflink.layers.integrity import is_sound, note_built
from virtualenv_reflink.layers.layer import kind_of
from virtualenv_reflink.layers.pth import PthLayer
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.provision.context import Context
from virtualenv_reflink.provision.settings import Settings
from virtualenv_reflink.transaction.supplied import SuppliedWheel

pytestmark = ONCE

BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)
MODES = pytest.mark.parametrize("mode", ["layer", "snapshot"])


def of_this_size(path: Path) -> None:
    """Change a file, but neither its size nor its mtime."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"#changed")


def replace(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy2(path, other)
    append(other)
    other.rename(path)


def change_and_link(tree: Path) -> None:
    """Change a file so that nothing but its ctime tells, and give that another reason."""
    of_this_size(tree / "sample" / "__init__.py")
    # there are no links out of a subvolume
    with suppress(OSError):
        os.link(tree / "sample" / "__init__.py", tree.parents[4] / "another-link")


def link_elsewhere(tree: Path) -> None:
    (tree / "sample" / "linked").symlink_to("/tmp", target_is_directory=True)


CHANGES: dict[str, Callable[[Path], None]] = {
    "a longer source": lambda tree: append(tree / "sample" / "__init__.py"),
    "a source of the same size": lambda tree: of_this_size(tree / "sample" / "__init__.py"),
    "a source of the same size, and a link": change_and_link,
    "a replaced source": lambda tree: replace(tree / "sample" / "__init__.py"),
    "bytecode": lambda tree: of_this_size(next((tree / "sample" / "__pycache__").glob("*.pyc"))),
    "RECORD": lambda tree: append(tree / "sample-1.0.dist-info" / "RECORD"),
    "INSTALLER": lambda tree: of_this_size(tree / "sample-1.0.dist-info" / "INSTALLER"),
    "an added module": lambda tree: (tree / "sample" / "added.py").write_text("") and None,
    "an added module at the top": lambda tree: (tree / "added.py").write_text("") and None,
    "an added directory": lambda tree: (tree / "sample" / "added").mkdir() or (tree / "sample/added/x.py").touch(),
    "an added link": link_elsewhere,
    "a missing file": lambda tree: (tree / "sample" / "data.txt").unlink(),
    "a missing directory": lambda tree: shutil.rmtree(tree / "sample"),
}


def layer_of(cache: Path) -> Path:
    (tree,) = cache.glob("v*/layers/*/tree")
    return tree


def sources(tree: Path) -> dict[str, tuple[int, str]]:
    return {path: found for path, found in tree_digest(tree).items() if not path.endswith(".pyc")}


def compiled(tree: Path) -> dict[Path, bytes]:
    """Return the code of each bytecode file, without the mtime of its source before it."""
    return {path.relative_to(tree): path.read_bytes()[16:] for path in tree.rglob("*.pyc")}


def change(tree: Path, how: Callable[[Path], None]) -> None:
    if is_subvolume(str(tree)):
        unseal_subvolume(str(tree))
    how(tree)
    if is_subvolume(str(tree)):
        seal_subvolume(str(tree))


@BTRFS
@MODES
@pytest.mark.parametrize("what", CHANGES)
def test_what_was_changed_is_built_again(tmp_path: Path, place: Path, mode: str, what: str, reflink: Run) -> None:
    options = ["--wheel-cache", place / "cache", "--link-mode", mode, "--without-pip", "--with", full_wheel(tmp_path)]
    reflink("venv", *options, place / "first")
    before = sources(layer_of(place / "cache"))
    bytecode = compiled(layer_of(place / "cache"))
    change(layer_of(place / "cache"), CHANGES[what])
    reflink("venv", *options, place / "second")
    assert sources(layer_of(place / "cache")) == before
    (library,) = (place / "second").glob("lib/*/site-packages")
    placed = library if mode == "snapshot" else layer_of(place / "cache")
    found = sources(placed)
    assert compiled(placed) == bytecode
    assert found.keys() >= before.keys()
    assert {path for path in before if found[path] != before[path]} <= {"sample-1.0.dist-info/RECORD"}
    assert not {path for path in found if "added" in path or "linked" in path}
    subprocess.run([python_of(place / "second"), "-c", "import sample; sample.main()"], check=True)


@BTRFS
def test_no_layer_begins_from_one_that_was_changed(tmp_path: Path, place: Path, reflink: Run) -> None:
    options = ["--wheel-cache", place / "cache", "--link-mode", "snapshot", "--without-pip", "--with"]
    reflink("venv", *options, full_wheel(tmp_path), place / "first")
    change(layer_of(place / "cache"), CHANGES["a source of the same size"])
    other = make_wheel(tmp_path, {"other.py": b""}, name="other")
    reflink("venv", *options, full_wheel(tmp_path), "--with", other, place / "second")
    subprocess.run([python_of(place / "second"), "-c", "import other, sample; sample.main()"], check=True)


def test_what_was_not_changed_is_not_built_again(tmp_path: Path, reflink: Run) -> None:
    wheel = full_wheel(tmp_path)
    cache = tmp_path / "cache"
    options = ["--wheel-cache", cache, "--without-pip", "--with", wheel]
    reflink("venv", *options, "--link-mode", "layer", tmp_path / "first")
    layer = layer_of(cache)
    made = layer.stat().st_ino
    other = make_wheel(tmp_path, {"other.py": b""}, name="other")
    uses = [[], ["--link-mode", "hardlink"], ["--with", other, "--link-mode", "layer"], []]
    for number, words in enumerate(uses):
        reflink("venv", *options, *words, tmp_path / str(number))
        reflink("venv", *options, "--link-mode", "layer", tmp_path / f"{number}-again")
        assert layer.stat().st_ino == made
    moved = tmp_path / "moved"
    subprocess.run(["cp", "-a", cache, moved], check=True)
    copied = moved / layer.relative_to(cache)
    made = copied.stat().st_ino
    options = ["--wheel-cache", moved, "--without-pip", "--with", wheel, "--link-mode", "layer"]
    reflink("venv", *options, tmp_path / "other-place")
    assert copied.stat().st_ino == made


def test_the_pip_that_resolves_is_not_run_changed(tmp_path: Path) -> None:
    environment = find_target(str(bare(tmp_path / "env"))).environment
    contents = []
    for _ in range(3):
        Context(Settings(tmp_path / "cache"), environment, Progress(), ()).pip.run(["--version"], str)
        (source,) = tmp_path.glob("cache/v*/layers/pip-*/tree/pip/__init__.py")
        contents.append(source.read_bytes())
        of_this_size(source)
    assert contents == contents[:1] * 3


def test_a_damaged_note_is_none(tmp_path: Path, reflink: Run) -> None:
    options = ["--wheel-cache", tmp_path / "cache", "--without-pip", "--with", full_wheel(tmp_path)]
    for number, text in enumerate([None, "", "[]", '["x", "y"]', '["[[1]]", "y"]', "null"]):
        if text is not None:
            (note,) = tmp_path.glob("cache/v*/layer-stamps/*")
            note.write_text(text)
        reflink("venv", *options, "--link-mode", "layer", tmp_path / str(number))
        subprocess.run([python_of(tmp_path / str(number)), "-c", "import sample"], check=True)


def nothing_is_proven(tree: str) -> int:
    raise AssertionError(tree)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content is read to tell whether they were changed."""
    found: list[str] = []

    def hashed(path: str, algorithm: str = "sha256") -> str:
        found.append(path)
        return hash_of_file(path, algorithm)

    for module in (changes, integrity):
        monkeypatch.setattr(module, "hash_of_file", hashed)
    return found


def link_beside(cached: Path, place: Path) -> None:
    """What a layer lacks is linked into an environment, which somebody deletes."""
    (file,) = (cached.parents[2] / "data").rglob("*.txt")
    os.link(file, place / "beside")
    (place / "beside").unlink()


SPOIL: dict[str, Callable[[Path, Path], object]] = {
    "not at all": lambda cached, _: cached,
    "a link to a file that is in no layer": link_beside,
    "an edit": lambda cached, _: of_this_size(cached),
    "a link that nobody noted": lambda cached, place: os.link(cached, place / "unnoted"),
    "an edit, and a link that nobody noted": lambda cached, place: (of_this_size(cached), os.link(cached, place / "x")),
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", SPOIL)
def test_files_of_a_layer_are_not_read_for_links_that_were_noted(
    tmp_path: Path, what: str, when: str, read: list[str]
) -> None:
    """Links are made for a second environment, and something else happens to a file before that or after it."""
    environment = find_target(str(bare(tmp_path / "env"))).environment
    cache, mode = WheelCache(tmp_path / "cache"), PthLayer()
    unpacked = cache.unpacked(full_wheel(tmp_path))
    wheels = [SuppliedWheel(unpacked, None, requested=True)]
    builder = LayerBuilder(mode, kind_of(mode, None), environment, Progress())
    links = cache.links.all_files([(unpacked, None)])
    assert cache.links.changed_file(links) is None
    cache.links.expect(links)
    layer = cache.layer("layer-x", builder.filling(wheels))
    time.sleep(0.1)
    cache.links.note(links)
    note_built(layer, mode, cache, wheels)
    cached = Path(unpacked.tree.root, "purelib", "sample", "__init__.py")
    time.sleep(0.1)
    if when == "before":
        SPOIL[what](cached, tmp_path)
    again = WheelCache(tmp_path / "cache")
    read.clear()
    changed = again.links.changed_file(links) is not None
    again.links.expect(links)
    for number, path in enumerate(Path(unpacked.tree.root, "purelib").rglob("*.*")):
        if path.is_file():
            os.link(path, tmp_path / f"link-{number}")
    time.sleep(0.1)
    again.links.note(links)
    if when == "after":
        SPOIL[what](cached, tmp_path)
    read.clear()
    sound = is_sound(layer, mode, WheelCache(tmp_path / "cache"), lambda: wheels)
    assert (changed or not sound) == ("edit" in what)
    if what in {"not at all", "a link to a file that is in no layer"}:
        assert not read


def test_in_a_large_layer_other_files_are_looked_at_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        (tmp_path / str(number)).mkdir()
        for name in range(10):
            (tmp_path / str(number) / f"{name}.py").write_text("x")
    known = stamps.stamps_of(str(tmp_path), {})
    monkeypatch.setattr(stamps, "FILES_AT_ONCE", 20)
    of_this_size(tmp_path / "3" / "3.py")
    found = {stamps.are_current(str(tmp_path), known, nothing_is_proven) for _ in range(200)}
    assert found == {True, False}
    (tmp_path / "4" / "new.py").touch()
    assert not any(stamps.are_current(str(tmp_path), known, nothing_is_proven) for _ in range(50))
