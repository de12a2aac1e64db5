"""Wheels and manifests changed at random: refused in one sentence or taken as they are, and nothing reaches outside."""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ONCE
from tests.support.wheels import full_wheel
from virtualenv_reflink.cache.manifest import MANIFEST_NAME, Tree
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.errors import BadWheelError

pytestmark = ONCE

_MARKS = [
    b"\n",
    b"\r",
    b"\0",
    b",",
    b'"',
    b"[",
    b"]",
    b":",
    b"=",
    b" ",
    b"\xff",
    b"\xe2\x80\xa8",
    b"../",
    b"/",
    b"\\",
    b"#",
]
_SIGNATURES = [b"PK\1\2", b"PK\3\4", b"PK\5\6"]


def changed_bytes(content: bytes, chance: random.Random) -> bytes:
    """Change single bytes and runs of them, now and then in the headers of a zip."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 3, 8])):
        place = chance.randrange(len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[place : place + chance.randrange(8)] = chance.choice(_MARKS)
        elif kind == 2:
            begin = chance.randrange(len(data))
            data[place:place] = data[begin : begin + chance.randrange(64)]
        else:
            header = bytes(data).find(chance.choice(_SIGNATURES), place)
            if header >= 0:
                data[min(header + 4 + chance.randrange(44), len(data) - 1)] = chance.randrange(256)
    return bytes(data)


def changed_file(wheel: Path, chance: random.Random) -> None:
    """Change the bytes of one file in a wheel whose archive stays sound."""
    with zipfile.ZipFile(wheel) as archive:
        files = {info: archive.read(info) for info in archive.infolist()}
    chosen = chance.choice([info for info, content in files.items() if content])
    files[chosen] = changed_bytes(files[chosen], chance)
    with zipfile.ZipFile(wheel, "w") as archive:
        for info, content in files.items():
            archive.writestr(info, content)


def changed_archive(wheel: Path, chance: random.Random) -> None:
    wheel.write_bytes(changed_bytes(wheel.read_bytes(), chance))


def outside(tmp_path: Path) -> set[Path]:
    return {path for path in tmp_path.rglob("*") if tmp_path / "cache" not in (path, *path.parents)}


def check_inside(tree: Tree) -> None:
    """Check that the tree holds the files of its manifest, and each below its scheme."""
    for scheme in tree.schemes:
        root = Path(tree.root, scheme)
        for path, file in tree.files(scheme):
            assert (root / path).resolve().is_relative_to(root.resolve())
            assert (root / path).stat().st_size == file.size


@pytest.mark.parametrize("change", [changed_file, changed_archive])
@pytest.mark.parametrize("seed", range(75))
def test_a_wheel_changed_at_random(tmp_path: Path, seed: int, change: Callable[[Path, random.Random], None]) -> None:
    wheel = full_wheel(tmp_path)
    change(wheel, random.Random(seed))
    before = outside(tmp_path)
    refusal = None
    try:
        check_inside(WheelCache(tmp_path / "cache").unpacked(wheel).tree)
    except BadWheelError as error:
        refusal = str(error)
    if refusal is not None:
        assert refusal.startswith(f"{wheel.name} cannot be used: ")
        assert refusal.isprintable()
        assert not list((tmp_path / "cache").glob("v*/wheels/*/*"))
    assert outside(tmp_path) == before
    assert not list((tmp_path / "cache").glob("v*/staging/*"))


@pytest.mark.parametrize("seed", range(100))
def test_a_manifest_changed_at_random(tmp_path: Path, seed: int) -> None:
    wheel, chance = full_wheel(tmp_path), random.Random(seed)
    first = WheelCache(tmp_path / "cache").unpacked(wheel)
    manifest = Path(first.tree.root).parent / MANIFEST_NAME
    content = manifest.read_bytes()
    if seed % 2:
        parts = json.loads(content)
        directories = chance.choice(list(parts["schemes"].values()))
        directory = chance.choice(directories)
        chosen = chance.choice(["..", "../..", "/etc", "a/../../..", "", ".", 0, None, [], "a\0b", "\\..\\"])
        column, separator = chance.choice([(0, "/"), (2, ","), (3, ",")])
        if isinstance(chosen, str) and directory[1][0] and chance.randrange(2):
            values = directory[1][column].split(separator)
            values[chance.randrange(len(values))] = chosen
            directory[1][column] = separator.join(values)
        elif chance.randrange(2):
            directory[1][chance.randrange(4)] = chosen
        else:
            directory[chance.randrange(2)] = chosen
        content = json.dumps(parts).encode()
    else:
        content = changed_bytes(content, chance)
    manifest.chmod(0o644)
    manifest.write_bytes(content)
    again = WheelCache(tmp_path / "cache").unpacked(wheel)
    for scheme, directories in again.tree.schemes.items():
        for directory in directories:
            assert ".." not in directory.path.split("/")
            assert not directory.path.startswith("/")
            for file in directory.files:
                assert ".." not in str(file.name).split("/"), scheme
