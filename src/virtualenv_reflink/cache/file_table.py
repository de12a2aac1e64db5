"""The files of one directory of the cache in columns: most are put in place without being looked at one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from itertools import starmap
from typing import NamedTuple

_SIZES = r"(?a)(?:\d+(?:,\d+)*)?"


class File(NamedTuple):
    """A file of a directory: its name, whether it is executable, its size in bytes and its RECORD hash."""

    name: str
    executable: bool
    size: int
    hash: str


class FileTable(NamedTuple):
    """What :class:`File` tells of some files, a text for each column.

    Names are separated by slashes, which none of them has; ``executables`` has a ``1`` or a ``0`` for each file; sizes
    in bytes and hashes are separated by commas.
    """

    names: str
    executables: str
    sizes: str
    hashes: str

    @classmethod
    def of(cls, files: Sequence[File]) -> FileTable:
        """Return the table of some files."""
        return cls(
            "/".join([file.name for file in files]),
            "".join(["01"[file.executable] for file in files]),
            ",".join([str(file.size) for file in files]),
            ",".join([file.hash for file in files]),
        )

    @property
    def number(self) -> int:
        """How many files these are."""
        return len(self.executables)

    def each_name(self) -> list[str]:
        """Return the name of each file."""
        return self.names.split("/") if self.executables else []

    def each_size(self) -> list[str]:
        """Return the size of each file in bytes, as a text."""
        return self.sizes.split(",") if self.executables else []

    def each_hash(self) -> list[str]:
        """Return the RECORD hash of each file."""
        return self.hashes.split(",") if self.executables else []

    def files(self) -> list[File]:
        """Return the files one by one.

        :raises ValueError: when the columns do not fit together.
        """
        executables = (flag == "1" for flag in self.executables)
        columns = (self.each_name(), executables, map(int, self.each_size()), self.each_hash())
        return list(starmap(File, zip(*columns, strict=True)))

    def without(self, names: Set[str]) -> FileTable:
        """Return the table of the files that have none of these names."""
        if names.isdisjoint(self.each_name()):
            return self
        return FileTable.of([file for file in self.files() if file.name not in names])


_EMPTY = FileTable("", "", "", "")


def are_whole(tables: Iterable[FileTable]) -> bool:
    """Return whether all tables are such as :meth:`FileTable.of` returns."""
    filled = [table for table in tables if table != _EMPTY]
    try:
        "".join(map("".join, filled))
    except TypeError:
        return False
    fit = all(
        names.count("/") == sizes.count(",") == hashes.count(",") == len(executables) - 1
        for names, executables, sizes, hashes in filled
    )
    executables = "".join([table.executables for table in filled])
    sizes = ",".join([table.sizes for table in filled])
    return fit and not executables.strip("01") and bool(re.fullmatch(_SIZES, sizes))
