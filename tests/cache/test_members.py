"""Members of archives are read as zipfile reads them, however odd they are."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

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
    return archive.read(info)


def by_us(_: zipfile.ZipFile, members: Members, info: zipfile.ZipInfo) -> bytes:
    chunks = list(members.chunks(info))
    assert all(len(chunk) <= BUFFER for chunk in chunks)
    return b"".join(chunks)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_all_compressions_are_read(tmp_path: Path, compression: int) -> None:
    assert answers(archive_of(tmp_path / "a.zip", compression), by_us) == CONTENTS


@pytest.mark.parametrize("make", [streamed, with_64_bit_sizes, behind_a_program])
def test_all_layouts_are_read(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert answers(make(tmp_path / "a.zip"), by_us) == CONTENTS


def test_a_small_member_is_read_without_zipfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive_of(tmp_path / "a.zip", zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("zipfile was asked"))
    with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        members = Members(archive, stream)
        assert b"".join(members.chunks(archive.getinfo("small.py"))) == CONTENTS["small.py"]


@pytest.mark.parametrize("compression", COMPRESSIONS[:2])
def test_damage_is_answered_as_zipfile_answers_it(tmp_path: Path, compression: int) -> None:
    """One byte after the other is changed: in headers, sizes, offsets, checksums, names, flags, content."""
    contents = {"a.py": b"import os\n" * 20, "b/c.bin": random.Random(2).randbytes(40), "d.py": b"pass\n"}
    sound = archive_of(tmp_path / "a.zip", compression, contents).read_bytes()
    chance = random.Random(3)
    differing = 0
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << chance.randrange(8)
        path = tmp_path / "damaged.zip"
        path.write_bytes(damaged)
        try:
            expected = answers(path, by_zipfile)
        except Exception:
            continue
        differing += expected != contents
        assert answers(path, by_us) == expected, position
    assert differing > 100
