"""What files take of the disk, alone and together with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from virtualenv_reflink.filesystem.extents import DiskBytes, Extents, disk_bytes
from virtualenv_reflink.sharing.environments import FoundFile


class Space(NamedTuple):
    """Bytes: what files seem to have, on disk alone, on disk shared, and inside the filesystem's metadata."""

    apparent: int = 0
    alone: int = 0
    shared: int = 0
    inline: int = 0


class FileSpace(NamedTuple):
    """The space of one file, and the link mode by which its data are there: clone, hardlink or copy."""

    space: Space
    mode: str


def total(spaces: Iterable[Space]) -> Space:
    """Return the sum of all."""
    columns = list(zip(*spaces, strict=True))
    return Space(*map(sum, columns)) if columns else Space()


def spaces_of(files: Sequence[FoundFile], maps: Sequence[Extents | None]) -> list[FileSpace]:
    """Return the space of each file, of which ``maps`` are the extents; None stands for a filesystem without such maps.

    Several names of one file take its space once. A file with names elsewhere too is shared.
    """
    names = Counter(file.identity for file in files)
    seen: set[tuple[int, int]] = set()
    found = []
    for file, extents in zip(files, maps, strict=True):
        if file.identity in seen:
            found.append(FileSpace(Space(apparent=file.size), "hardlink"))
        else:
            found.append(_space_of(file, extents, elsewhere=file.links > names[file.identity]))
        if file.links > 1:
            seen.add(file.identity)
    return found


def _space_of(file: FoundFile, extents: Extents | None, *, elsewhere: bool) -> FileSpace:
    alone, shared, inline = DiskBytes(file.size, 0, False) if extents is None else disk_bytes(extents)
    in_metadata = file.size if inline else 0
    if elsewhere:
        return FileSpace(Space(file.size, 0, alone + shared, in_metadata), "hardlink")
    return FileSpace(Space(file.size, alone, shared, in_metadata), "clone" if shared > alone else "copy")
