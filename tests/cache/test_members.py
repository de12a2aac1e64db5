"""Members of archives are read as zipfile reads them, however odd they are."""

from __future__ import annotations

import random
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import pytest
from isal import isal_zlib

from virtualenv_reflink.cache import inflate
from virtualenv_reflink.cache.members import BUFFER, Members

CONTENTS = {
    "empty.py": b"",
    "small.py": b"print('hello')\n" * 50,
    "package/noise.bin": random.Random(1).randbytes(5000),
    "full.bin": bytes(BUFFER),
    "large.bin": bytes(BUFFER + 1),
    "name-\N{LATIN SMALL LETTER E WITH ACUTE}.txt": b"not ASCII",
    "last.py": b"the end",
}
COMPRESSIONS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.fixture(autouse=True, params=[zlib, isal_zlib], ids=lambda library: library.__name__)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What inflates: the one that everybody has, and the quicker one."""
    library: ModuleType = request.param
    for name in ("crc32", "decompressobj", "error"):
        monkeypatch.setattr(inflate, name, getattr(library, name))


def archive_of(path: Path, compression: int, contents: dict[str, bytes] = CONTENTS) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def streamed(path: Path) -> Path:
    """An archive made for a pipe, whose sizes and checksums follow what they are about."""

    class Pipe:
        def __init__(self) -> None:
            self.written = b""

        def write(self, data: bytes) -> int:
            self.written += data
            return len(data)

        def flush(self) -> None:
            pass

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for name, content in CONTENTS.items():
            archive.writestr(name, content)
    path.write_bytes(pipe.written)
    return path


def with_64_bit_sizes(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in CONTENTS.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content)
    return path


def behind_a_program(path: Path) -> Path:
    archive_of(path, zipfile.ZIP_DEFLATED)
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    return path


def answers(path: Path, read: Callable[[zipfile.ZipFile, Members, zipfile.ZipInfo], bytes]) -> dict[str, object]:
    """What each member holds, or the type and the text of what reading it raises."""
    with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        members = Members(archive, stream)
        found: dict[str, object] = {}
        for info in archive.infolist():
            try:
                found[info.filename] = read(archive, members, info)
            except Exception as error:
                found[info.filename] = (type(error), str(error))
        return found


def by_zipfile(archive: zipfile.ZipFile, _: Members, info: zipfile.ZipInfo) -> bytes:
    """What pip gets of it; all at once, a member whose size is wrong may be read where this fails."""
    with archive.open(info) as file:
        return b"".join(iter(lambda: file.read(BUFFER), b""))


def by_us(_: zipfile.ZipFile, members: Members, info: zipfile.ZipInfo) -> bytes:
    chunks = list(members.chunks(info))
    assert all(len(chunk) <= BUFFER for chunk in chunks)
    assert all(chunks[:-1])
    return b"".join(chunks)


def differing_answers(sound: bytes, positions: Iterable[int], contents: dict[str, bytes], path: Path) -> int:
    """Change a byte after the other, and return how often zipfile noticed; our answer is the same each time."""
    chance = random.Random(3)
    differing = 0
    for position in positions:
        damaged = bytearray(sound)
        damaged[position] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            expected = answers(path, by_zipfile)
        except Exception:
            continue
        differing += expected != contents
        assert answers(path, by_us) == expected, position
    return differing


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_all_compressions_are_read(tmp_path: Path, compression: int) -> None:
    assert answers(archive_of(tmp_path / "a.zip", compression), by_us) == CONTENTS


@pytest.mark.parametrize("make", [streamed, with_64_bit_sizes, behind_a_program])
def test_all_layouts_are_read(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert answers(make(tmp_path / "a.zip"), by_us) == CONTENTS


@pytest.mark.parametrize("compression", COMPRESSIONS[:2])
@pytest.mark.parametrize("name", ["small.py", "full.bin", "large.bin"])
def test_a_member_is_read_without_zipfile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, compression: int
) -> None:
    path = archive_of(tmp_path / "a.zip", compression)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("zipfile was asked"))
    with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        members = Members(archive, stream)
        assert b"".join(members.chunks(archive.getinfo(name))) == CONTENTS[name]


def test_a_member_that_hardly_deflates_is_read_whole(tmp_path: Path) -> None:
    """Its pieces inflate to less and to more than a buffer."""
    noise = random.Random(4).randbytes(2 * BUFFER + 5)
    contents = {"large.bin": noise + bytes(3 * BUFFER) + noise, "last.py": b""}
    assert answers(archive_of(tmp_path / "a.zip", zipfile.ZIP_DEFLATED, contents), by_us) == contents


@pytest.mark.parametrize("compression", COMPRESSIONS[:2])
def test_damage_is_answered_as_zipfile_answers_it(tmp_path: Path, compression: int) -> None:
    """One byte after the other is changed: in headers, sizes, offsets, checksums, names, flags, content."""
    contents = {"a.py": b"import os\n" * 20, "b/c.bin": random.Random(2).randbytes(40), "d.py": b"pass\n"}
    sound = archive_of(tmp_path / "a.zip", compression, contents).read_bytes()
    assert differing_answers(sound, range(len(sound)), contents, tmp_path / "damaged.zip") > 100


@pytest.mark.parametrize("size", [0, 1, BUFFER, 2 * BUFFER, 4 * BUFFER])
@pytest.mark.parametrize("compression", COMPRESSIONS[:2])
def test_a_wrong_size_of_a_large_member_is_answered_as_zipfile_answers_it(
    tmp_path: Path, compression: int, size: int
) -> None:
    contents = {"large.bin": random.Random(8).randbytes(3 * BUFFER), "last.py": b""}
    path = archive_of(tmp_path / "a.zip", compression, contents)
    right, wrong = (3 * BUFFER).to_bytes(4, "little"), size.to_bytes(4, "little")
    content = path.read_bytes()
    directory = content.index(b"PK\1\2")
    # the size before compression, in the table of contents, APPNOTE.TXT, 4.3.12
    place = directory + 24
    assert content[place : place + 4] == right
    path.write_bytes(content[:place] + wrong + content[place + 4 :])
    expected = answers(path, by_zipfile)
    assert (expected == contents) == (size > 3 * BUFFER)
    assert answers(path, by_us) == expected


def test_damage_in_a_large_member_is_answered_as_zipfile_answers_it(tmp_path: Path) -> None:
    """Bytes are changed in all of its headers, and here and there in what it holds."""
    content = random.Random(5).randbytes(3000) + bytes(BUFFER) + random.Random(6).randbytes(500)
    contents = {"large.bin": content, "b.py": b"pass\n"}
    sound = archive_of(tmp_path / "a.zip", zipfile.ZIP_DEFLATED, contents).read_bytes()
    chance = random.Random(7)
    around = [*range(60), *range(len(sound) - 250, len(sound)), *chance.sample(range(60, len(sound) - 250), 100)]
    assert differing_answers(sound, around, contents, tmp_path / "damaged.zip") > 100
