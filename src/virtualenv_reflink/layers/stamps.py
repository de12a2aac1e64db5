"""The stamps of the files in a layer: size, mtime and ctime, one of which changes when a file is written.

The ctime of a file that the layer shares with the cache also changes when it gets another hard link or loses one.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

FILES_AT_ONCE = 10_000
"""How many files of a layer are looked at each time it is used, about 40 ms of work."""


class Stamp(NamedTuple):
    """A directory of a layer by its path in there, its mtime, its number of files, and a digest of their stamps."""

    path: str
    mtime_ns: int
    files: int
    digest: str


def stamps_of(tree: str) -> list[Stamp]:
    """Return the stamps of the directories of a layer.

    :raises OSError: when it cannot be read.
    """
    return [_stamp(tree, os.path.relpath(directory, tree)) for directory, _, _ in os.walk(tree, onerror=_fail)]


def text_of(stamps: Sequence[Stamp]) -> str:
    """Return stamps as JSON."""
    return json.dumps(stamps)


def parse_stamps(text: str) -> list[Stamp]:
    """Read the JSON of stamps.

    :raises TypeError, ValueError: when it is none.
    """
    return [Stamp(*row) for row in json.loads(text)]


def are_current(tree: str, stamps: Sequence[Stamp]) -> bool:
    """Return whether directories have the mtimes they had, and as many files as are looked at once their stamps.

    In a large layer these are others each time, chosen at random.
    """
    try:
        return all(os.lstat(f"{tree}/{known.path}").st_mtime_ns == known.mtime_ns for known in stamps) and all(
            _stamp(tree, known.path) == known for known in _some(stamps)
        )
    except OSError:
        return False


def changed_directories(tree: str, stamps: Sequence[Stamp]) -> frozenset[str]:
    """Return the directories that have other stamps now.

    :raises OSError: when one cannot be read.
    """
    return frozenset(known.path for known in stamps if _stamp(tree, known.path) != known)


def _some(stamps: Sequence[Stamp]) -> Iterator[Stamp]:
    if sum(known.files for known in stamps) <= FILES_AT_ONCE:
        yield from stamps
        return
    first, seen = int.from_bytes(os.urandom(8), "big") % len(stamps), 0
    for known in (*stamps[first:], *stamps[:first]):
        yield known
        seen += known.files
        if seen >= FILES_AT_ONCE:
            return


def _stamp(tree: str, path: str) -> Stamp:
    lines = []
    with os.scandir(f"{tree}/{path}") as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                lines.append(f"{entry.name}/{status.st_size}/{status.st_mtime_ns}/{status.st_ctime_ns}")
    digest = hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()
    return Stamp(path, os.lstat(f"{tree}/{path}").st_mtime_ns, len(lines), digest)


def _fail(error: OSError) -> None:
    raise error
