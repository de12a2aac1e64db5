"""A cache of which parts are missing, damaged or poisoned works again, in the same run."""

from __future__ import annotations

import json
import operator
import os
import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.wheels import full_wheel, make_wheel
from virtualenv_reflink.cache.entries import LINKED
from virtualenv_reflink.cache.hard_links import Linked
from virtualenv_reflink.cache.layout import VERSION
from virtualenv_reflink.cache.manifest import (
    MANIFEST_NAME,
    DamagedError,
    Tree,
    UnpackedWheel,
    metadata_of,
    read_tree,
    read_unpacked_wheel,
    tree_of,
)
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.filesystem.subvolume import create_subvolume, is_subvolume, seal_subvolume

PYTHON = Path(sys.executable)
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "half": lambda content: content[: len(content) // 2],
    "another shape": lambda _: b"[]",
    "another type": lambda _: b"3",
    "nothing": lambda _: b"null",
    "no text": lambda content: b"\xff" + content,
    "too deep": lambda _: b"[" * 100_000,
}


def content_of(tree: Tree) -> dict[str, bytes]:
    return {
        f"{scheme}/{path}": Path(tree.root, scheme, path).read_bytes()
        for scheme in tree.schemes
        for path, _ in tree.files(scheme)
    }


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_manifest_is_made_again(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    wheel = full_wheel(tmp_path)
    cache = WheelCache(tmp_path / "cache")
    first = cache.unpacked(wheel)
    compiled = cache.bytecode(first, PYTHON, cache.facts(PYTHON))
    before = content_of(first.tree), set(content_of(compiled))
    for manifest in (tmp_path / "cache").glob("v*/wheels/*/*/manifest.json"):
        overwrite(manifest, change(manifest.read_bytes()))
    again = WheelCache(tmp_path / "cache")
    second = again.unpacked(wheel)
    bytecode = again.bytecode(second, PYTHON, again.facts(PYTHON))
    assert (content_of(second.tree), set(content_of(bytecode))) == before
    assert not list((tmp_path / "cache").glob("v*/staging/*"))


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_memo_counts_as_absent(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    cache = WheelCache(tmp_path / "cache")
    facts = cache.facts(PYTHON)
    key = cache.unpacked(wheel).key
    cache.write_note("digests", "other", "x")
    for kind in ("interpreters", "digests"):
        for memo in (tmp_path / "cache" / VERSION / kind).iterdir():
            overwrite(memo, change(memo.read_bytes()))
    again = WheelCache(tmp_path / "cache")
    assert again.facts(PYTHON) == facts
    assert again.unpacked(wheel).key == key
    assert again.facts(PYTHON) == facts


def test_what_is_kept_is_recalled_or_absent(tmp_path: Path) -> None:
    cache = WheelCache(tmp_path / "cache")
    cache.write_note("kind", "good", '{"a": 1}')
    cache.write_note("kind", "bad", "{")
    (tmp_path / "cache" / VERSION / "kind" / "binary").write_bytes(b"\xff")
    (tmp_path / "cache" / VERSION / "kind" / "directory").mkdir()
    (tmp_path / "cache" / VERSION / "kind" / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "cache" / VERSION / "kind" / "pipe")
    assert cache.read_note("kind", "good", json.loads) == {"a": 1}
    for key in ("bad", "binary", "directory", "dangling", "absent"):
        assert cache.read_note("kind", key, json.loads) is None
    assert {note.name for note in cache.store.note_files("kind")} == {"good", "bad", "binary"}
    assert cache.store.note_files("nothing") == []


POISON = ["..", "../x", "a/../../x", "/etc", "a//b", "./a", "a/.", "", "a\\..\\b", "a\n", "a/..", "../../../../outside"]


@pytest.mark.parametrize("path", [path for path in POISON if path])
def test_a_manifest_that_names_a_directory_outside_is_not_believed(tmp_path: Path, path: str) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    unpacked = WheelCache(tmp_path / "cache").unpacked(wheel)
    poison(unpacked, lambda schemes: schemes["purelib"].append([path, ["pwned", "0", "0", ""]]))
    assert is_refused(unpacked)
    assert WheelCache(tmp_path / "cache").unpacked(wheel).tree.schemes == unpacked.tree.schemes


@pytest.mark.parametrize("name", ["..", "../x", "a/../../x", "/etc/x", "a/b", "a\\b", "a\n", "a\x00"])
def test_a_manifest_that_names_a_file_outside_is_not_believed(tmp_path: Path, name: str) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b"", "other/sample.py": b""})
    unpacked = WheelCache(tmp_path / "cache").unpacked(wheel)
    poison(unpacked, lambda schemes: append_file(schemes["purelib"][-1][1], name))
    assert is_refused(unpacked)
    assert WheelCache(tmp_path / "cache").unpacked(wheel).tree.schemes == unpacked.tree.schemes


SHAPES: dict[str, Callable[[dict], object]] = {  # type: ignore[type-arg]
    "unknown scheme": lambda content: content["schemes"].update({"../x": []}),
    "file without size": lambda content: append_file(content["schemes"]["purelib"][0][1], "x", size=""),
    "negative size": lambda content: append_file(content["schemes"]["purelib"][0][1], "x", size=",-1"),
    "file without hash": lambda content: append_file(content["schemes"]["purelib"][0][1], "x", hash_=""),
    "file of another kind": lambda content: append_file(content["schemes"]["purelib"][0][1], "x", executable="2"),
    "names that are a number": lambda content: operator.setitem(content["schemes"]["purelib"][0][1], 0, 1),
    "hashes that are a list": lambda content: operator.setitem(content["schemes"]["purelib"][0][1], 3, [""]),
    "no hashes": lambda content: content["schemes"]["purelib"][0][1].pop(),
    "no metadata": lambda content: content.pop("metadata"),
    "more metadata": lambda content: content["metadata"].update(more=1),
    "script outside": lambda content: content["metadata"].update(rewritten_scripts=["../../x"]),
    "entry point outside": lambda content: content["metadata"]["entry_points"].append(
        ["../x", "a", "b", "console", ""]
    ),
    "dist-info outside": lambda content: content["metadata"].update(dist_info="../x.dist-info"),
    "distribution outside": lambda content: content["metadata"].update(distribution="../../x"),
    "no time": lambda content: content.update(mtime_ns="soon"),
}


@pytest.mark.parametrize("change", SHAPES.values(), ids=SHAPES)
def test_a_manifest_of_another_shape_is_not_believed(tmp_path: Path, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    unpacked = WheelCache(tmp_path / "cache").unpacked(wheel)
    manifest = Path(unpacked.tree.root).parent / MANIFEST_NAME
    content = json.loads(manifest.read_text())
    change(content)
    overwrite(manifest, json.dumps(content).encode())
    assert is_refused(unpacked)
    assert WheelCache(tmp_path / "cache").unpacked(wheel)[1:2] == unpacked[1:2]


def poison(unpacked: UnpackedWheel, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    manifest = Path(unpacked.tree.root).parent / MANIFEST_NAME
    content = json.loads(manifest.read_text())
    change(content["schemes"])
    overwrite(manifest, json.dumps(content).encode())
    with pytest.raises(DamagedError):
        tree_of("root", content)


def append_file(
    table: list[str], name: str, *, executable: str = "0", size: str = ",0", hash_: str = ",sha256=x"
) -> None:
    """Add a file to a table in a manifest, or what is none."""
    for column, more in enumerate((f"/{name}", executable, size, hash_)):
        table[column] += more


def is_refused(unpacked: UnpackedWheel) -> bool:
    with pytest.raises(DamagedError):
        read_unpacked_wheel(Path(unpacked.tree.root).parent)
    return True


def test_names_that_need_escapes_are_read(tmp_path: Path) -> None:
    names = {"clé.txt": b"", 'quo"te': b"", "..dots..": b"", "a/...": b"", "sp ace/b..c": b"", ".hidden/.x": b""}
    unpacked = WheelCache(tmp_path / "cache").unpacked(make_wheel(tmp_path, names))
    assert set(names) <= {path for path, _ in unpacked.tree.files("purelib")}
    content = json.loads((Path(unpacked.tree.root).parent / MANIFEST_NAME).read_text())
    assert tree_of(unpacked.tree.root, content) == unpacked.tree
    assert metadata_of(content["metadata"]) == unpacked.metadata


@pytest.mark.parametrize("lost", ["manifest.json", "tree", "."])
def test_a_wheel_that_was_half_deleted_is_unpacked_again(tmp_path: Path, lost: str) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    unpacked = WheelCache(tmp_path / "cache").unpacked(wheel)
    expected = set(content_of(unpacked.tree))
    place = Path(unpacked.tree.root).parent / lost
    (place.unlink if place.is_file() else lambda: shutil.rmtree(place))()
    cache = WheelCache(tmp_path / "cache")
    again = cache.unpacked(wheel)
    if lost == "tree":
        # this is for those who miss a file to find out
        cache.drop(again)
        again = cache.unpacked(wheel)
    assert set(content_of(again.tree)) == expected


def test_a_wheel_is_dropped_with_its_bytecode_but_not_one_that_was_made_again(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    cache = WheelCache(tmp_path / "cache")
    old = cache.unpacked(wheel)
    bytecode = cache.bytecode(old, PYTHON, cache.facts(PYTHON))
    with open(Path(old.tree.root, "purelib", "sample-1.0.dist-info", "WHEEL"), "rb") as held:
        cache.drop(old)
        assert b"Wheel-Version" in held.read()
    assert cache.cached(old.key) is None
    assert not os.path.exists(bytecode.root)
    cache.drop(old)
    new = cache.unpacked(wheel)
    cache.drop(old)
    assert cache.cached(old.key) == new
    assert not list((tmp_path / "cache").glob("v*/staging/*"))


def test_a_layer_without_description_is_built_again(tmp_path: Path) -> None:
    cache = WheelCache(tmp_path / "cache")

    def fill(entry: Path) -> None:
        (entry / "tree").mkdir()
        (entry / "tree").chmod(0o555)
        (entry / "layer.json").write_text("{}")

    entry = cache.layer("layer-key", fill)
    assert cache.cached_layer("layer-key") == entry
    assert list(cache.cached_layers("layer")) == [entry]
    (entry / "layer.json").unlink()
    assert cache.cached_layer("layer-key") is None
    assert list(cache.cached_layers("layer")) == []
    assert cache.layer("layer-key", fill) == entry
    assert cache.described(entry, json.loads) == {}
    overwrite(entry / "layer.json", b"{")
    assert cache.described(entry, json.loads) is None
    cache.drop_layer("layer-key")
    assert not entry.exists()
    assert not list((tmp_path / "cache").glob("v*/staging/*"))


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_a_sealed_layer_that_was_half_deleted_is_built_again(place: Path) -> None:
    cache = WheelCache(place / "cache")

    def fill(entry: Path) -> None:
        create_subvolume(str(entry / "tree"))
        (entry / "tree" / "file").write_text("content")
        (entry / "layer.json").write_text("{}")
        seal_subvolume(str(entry / "tree"))

    entry = cache.layer("snapshot-key", fill)
    shutil.rmtree(place / "cache", ignore_errors=True)
    assert (entry / "tree" / "file").exists()
    assert not (entry / "layer.json").exists()
    again = WheelCache(place / "cache")
    assert again.cached_layer("snapshot-key") is None
    again.layer("snapshot-key", fill)
    assert is_subvolume(str(entry / "tree"))
    assert (entry / "layer.json").exists()
    assert not list((place / "cache").glob("v*/staging/*"))


def test_links_are_noted_before_they_are_made(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b"a = 1\n"})
    cache = WheelCache(tmp_path / "cache")
    unpacked = cache.unpacked(wheel)
    source = Path(unpacked.tree.root, "purelib", "sample.py")
    assert not cache.linked([unpacked])
    cache.links.expect([Linked(unpacked.tree, LINKED)])
    # killed between two links: nothing is noted afterwards
    os.link(source, tmp_path / "link")
    assert cache.linked([unpacked]) == {unpacked.key}
    assert cache.changed_file(unpacked, None) is None
    change_in_place(tmp_path / "link", b"b = 2\n")
    assert cache.changed_file(unpacked, None) == "sample.py"


def change_in_place(path: Path, content: bytes) -> None:
    """Change a file and hide it as well as its owner can."""
    status = path.stat()
    path.chmod(0o644)
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.chmod(status.st_mode)


@pytest.mark.parametrize("dance", ["link", "unlink"])
def test_an_edit_is_found_although_the_number_of_links_has_changed(tmp_path: Path, dance: str) -> None:
    names = ["a.py", "b.py", "c.py"]
    cache = WheelCache(tmp_path / "cache")
    unpacked = cache.unpacked(make_wheel(tmp_path, dict.fromkeys(names, b"a = 1\n")))
    cached = Path(unpacked.tree.root, "purelib")
    for name in (*names, *(f"{unpacked.metadata.dist_info}/{each}" for each in ("METADATA", "WHEEL"))):
        os.link(cached / name, tmp_path / Path(name).name)
    cache.links.note([Linked(unpacked.tree, LINKED)])
    change_in_place(tmp_path / "b.py", b"b = 2\n")
    if dance == "link":
        os.link(tmp_path / "b.py", tmp_path / "again.py")
    else:
        (tmp_path / "b.py").unlink()
    assert cache.changed_file(unpacked, None) == "b.py"


@pytest.mark.parametrize("text", ["", "=", "=x", "=1", "=1,,", "=1,2,3,4", "=9999999999999999999,2,x"])
def test_a_damaged_note_of_links_means_that_there_are_some(tmp_path: Path, text: str) -> None:
    cache = WheelCache(tmp_path / "cache")
    unpacked = cache.unpacked(make_wheel(tmp_path, {"sample.py": b"a = 1\n"}))
    os.link(Path(unpacked.tree.root, "purelib", "sample.py"), tmp_path / "link")
    cache.links.note([Linked(unpacked.tree, LINKED)])
    (note,) = (tmp_path / "cache" / VERSION / "linked").glob("*=*")
    note.rename(note.with_name(note.name.partition("=")[0] + text))
    assert cache.linked([unpacked]) == {unpacked.key}
    assert cache.changed_file(unpacked, None) is None
    change_in_place(tmp_path / "link", b"b = 2\n")
    assert cache.changed_file(unpacked, None) == "sample.py"


def test_many_note_links_of_one_wheel_at_once(tmp_path: Path) -> None:
    unpacked = WheelCache(tmp_path / "cache").unpacked(make_wheel(tmp_path, {"sample.py": b""}))
    linked = [Linked(unpacked.tree, LINKED)]
    WheelCache(tmp_path / "cache").links.expect(linked)

    def note(_: int) -> bool:
        cache = WheelCache(tmp_path / "cache")
        found = []
        for _ in range(20):
            cache.links.expect(linked)
            found.append(cache.linked([unpacked]) == {unpacked.key})
            cache.links.note(linked)
        return all(found)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(note, range(6)))
    WheelCache(tmp_path / "cache").links.note(linked)
    assert len(list(tmp_path.glob("cache/v*/linked/*"))) == 2


def test_one_cache_serves_many_threads(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, {f"m{n}.py": b"", "p/x.py": b""}, name=f"sample{n}") for n in range(4)]
    cache = WheelCache(tmp_path / "cache")
    found: list[tuple[str, Tree]] = []
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for wheel in wheels[number % 4 :] + wheels[: number % 4]:
                unpacked = cache.unpacked(wheel)
                found.append((wheel.name, unpacked.tree))
                cache.write_note("kind", "same", "text" * 10_000)
                assert cache.read_note("kind", "same", str) == "text" * 10_000
                found.append((f"{wheel.name} compiled", cache.bytecode(unpacked, PYTHON, cache.facts(PYTHON))))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(found) == 64
    assert len({(name, tree.mtime_ns) for name, tree in found}) == 8
    assert read_tree(Path(found[0][1].root).parent) == found[0][1]
    assert not list((tmp_path / "cache").glob("v*/staging/*"))
