"""Which files living processes have mapped into their memory, see proc_pid_maps(5)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from virtualenv_reflink.filesystem.escapes import unescaped

_PROC = "/proc"
_DELETED = " (deleted)"


class Mapping(NamedTuple):
    """A range of a process's memory that stands for a range of a file, in bytes."""

    process: int
    path: str
    length: int


def mappings() -> Iterator[Mapping]:
    """Yield what the processes that this user may look at have mapped; nothing where the kernel does not tell."""
    with suppress(FileNotFoundError):
        for name in os.listdir(_PROC):
            if name.isdecimal():
                # of another user, or it has just ended
                with suppress(OSError):
                    yield from _mappings_of(int(name))


def _mappings_of(process: int) -> list[Mapping]:
    with open(f"{_PROC}/{process}/maps", "rb") as stream:
        lines = stream.read().split(b"\n")
    # address range, permissions, offset, device, inode, path
    fields = (line.split(None, 5) for line in lines)
    return [_mapping(process, row[0], row[5]) for row in fields if len(row) == 6 and row[5].startswith(b"/")]


def _mapping(process: int, addresses: bytes, path: bytes) -> Mapping:
    begin, _, end = addresses.partition(b"-")
    return Mapping(process, unescaped(path).removesuffix(_DELETED), int(end, 16) - int(begin, 16))
