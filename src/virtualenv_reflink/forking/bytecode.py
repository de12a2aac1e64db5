"""The bytecode of sources that were rewritten."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from contextlib import suppress

from virtualenv_reflink.forking.first_lines import split_first_lines

# PEP 552: a magic number, flags that are 0 where mtime and size of the source decide, and those two
_HEADER = struct.Struct("<4sLLL")


def bytecode_of(path: str) -> Iterator[str]:
    """Yield the files of bytecode that a source has (PEP 3147)."""
    directory, name = os.path.split(path)
    ours = re.compile(re.escape(name.removesuffix(".py")) + r"\.[^.]+(\.opt-[^.]+)?\.pyc")
    with suppress(FileNotFoundError):
        for found in filter(ours.fullmatch, sorted(os.listdir(f"{directory}/__pycache__"))):
            yield f"{directory}/__pycache__/{found}"


def adapted(bytecode: bytes, before: bytes, now: bytes) -> bytes | None:
    """Return the bytecode of a source that keeps its mtime, or None where it has to be compiled again.

    Another first line changes no code, only the size that bytecode is checked against.
    """
    (first_before, body_before), (first_now, body_now) = map(split_first_lines, (before, now))
    same_code = body_before == body_now and first_before.count(b"\n") == first_now.count(b"\n") == 1
    if not same_code or len(bytecode) < _HEADER.size:
        return None
    magic, flags, mtime, _ = _HEADER.unpack_from(bytecode)
    if flags != 0:
        return None
    return _HEADER.pack(magic, flags, mtime, len(now) & 0xFFFFFFFF) + bytecode[_HEADER.size :]
