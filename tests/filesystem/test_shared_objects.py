"""Shared objects are told by their first bytes."""

from __future__ import annotations

import importlib.machinery
import sys
from pathlib import Path

import pytest

from virtualenv_reflink.filesystem.shared_objects import is_shared_object
from virtualenv_reflink.filesystem.source import SourceError

PE = b"MZ".ljust(60, b"\0") + (0x80).to_bytes(4, "little") + bytes(64) + b"PE\0\0" + bytes(20)


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (b"\x7fELF\x02\x01\x01", True),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01", True),
        (b"\xfe\xed\xfa\xce\0\0\0\x12", True),
        (b"\xca\xfe\xba\xbe\0\0\0\x02", True),
        (PE, True),
        (b"", False),
        (b"\x7fEL", False),
        (b"import sys\n", False),
        (b"!<arch>\n", False),
        # a class of Java 21
        (b"\xca\xfe\xba\xbe\0\0\0\x41", False),
        # text, an executable of DOS, and one that ends before what it says
        (b"MZ is a word\n" * 9, False),
        (PE.replace(b"PE\0\0", b"NE\0\0"), False),
        (PE[:100], False),
    ],
)
def test_first_bytes(tmp_path: Path, content: bytes, is_one: bool) -> None:
    (tmp_path / "file").write_bytes(content)
    assert is_shared_object(str(tmp_path / "file")) is is_one


def test_real_files() -> None:
    assert is_shared_object(str(Path(sys.executable).resolve()))
    assert not is_shared_object(importlib.machinery.__file__)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        is_shared_object(str(tmp_path / "gone"))
    assert caught.value.filename == str(tmp_path / "gone")
