"""What files take of the disk, alone and together with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from virtualenv_reflink.filesystem.extents import Extents, bytes_alone, bytes_shared
from virtualenv_reflink.sharing.environments import FoundFile


class Space(NamedTuple):
    """Bytes: what files seem to have, on disk alone, on disk shared, and inside the filesystem's metadata."""

    apparent: int = 0
    alone: int = 0
    shared: int = 0
    inline: int = 0

    def __add__(self, other: Space) -> Space:  # type: ignore[override]
        return Space(
            self.apparent + other.apparent,
            self.alone + other.alone,
            self.shared + other.shared,
            self.inline + other.inline,
        )


class FileSpace(NamedTuple):
    """The space of one file, and the link mode by which its data are there: clone, hardlink or copy."""

    space: Space
    mode: str


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
    if extents is None:
        alone, shared, inline = file.size, 0, 0
    else:
        alone, shared = bytes_alone(extents), bytes_shared(extents)
        inline = file.size if any(extent.inline for extent in extents) else 0
    if elsewhere:
        return FileSpace(Space(file.size, 0, alone + shared, inline), "hardlink")
    return FileSpace(Space(file.size, alone, shared, inline), "clone" if shared > alone else "copy")
