"""The stamps of a layer: what lstat(2) tells of its directories and files, some of which changes when one is written.

The ctime of a file that the layer shares with the cache also changes when it gets another hard link or loses one.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from virtualenv_reflink.filesystem.statuses import statuses_of

FILES_AT_ONCE = 10_000
"""How many files of a layer are looked at each time it is used, about 20 ms of work for one processor."""

# 64 bits: what differs by mistake has the same digest once in 10**19 times
_DIGITS = 16


class Stamps(NamedTuple):
    """The directories of a layer by their paths in there, and a digest of the statuses of all of them.

    For each one there are the names of its files, joined by slashes, and a digest of their statuses.
    """

    directories: list[str]
    state: str
    names: list[str]
    digests: list[str]


def stamps_of(tree: str) -> Stamps:
    """Return the stamps of a layer.

    :raises OSError: when it cannot be read.
    """
    directories, names = [], []
    for place, below, files in os.walk(tree, onerror=_fail):
        links = [name for name in below if os.path.islink(f"{place}/{name}")]
        directories.append(os.path.relpath(place, tree))
        names.append("/".join(sorted([*files, *links])))
    stamps = Stamps(directories, _state(tree, directories), names, [])
    return stamps._replace(digests=_digests(tree, stamps, range(len(directories))))


def text_of(stamps: Stamps) -> str:
    """Return stamps as JSON."""
    return json.dumps(stamps)


def parse_stamps(text: str) -> Stamps:
    """Read the JSON of stamps.

    :raises TypeError, ValueError: when it is none.
    """
    stamps = Stamps(*json.loads(text))
    if not len(stamps.directories) == len(stamps.names) == len(stamps.digests):
        raise ValueError("each directory has names and a digest")
    return stamps


def are_current(tree: str, stamps: Stamps) -> bool:
    """Return whether all directories are as they were, and as many files as are looked at once.

    In a large layer these are others each time, chosen at random.
    """
    chosen = _some(stamps)
    try:
        return _state(tree, stamps.directories) == stamps.state and _digests(tree, stamps, chosen) == [
            stamps.digests[number] for number in chosen
        ]
    except OSError:
        return False


def changed_directories(tree: str, stamps: Stamps) -> frozenset[str]:
    """Return the directories whose files have other statuses now.

    :raises OSError: when one cannot be read.
    """
    found = _digests(tree, stamps, range(len(stamps.directories)))
    known = zip(stamps.directories, stamps.digests, strict=True)
    return frozenset(path for (path, digest), now in zip(known, found, strict=True) if digest != now)


def _some(stamps: Stamps) -> Sequence[int]:
    """Return the numbers of directories that have as many files together as are looked at once, or of all of them."""
    number = len(stamps.directories)
    first, chosen, files = int.from_bytes(os.urandom(8), "big") % (number or 1), [], 0
    for index in (*range(first, number), *range(first)):
        chosen.append(index)
        files += len(_split(stamps.names[index]))
        if files >= FILES_AT_ONCE:
            break
    return chosen


def _state(tree: str, directories: list[str]) -> str:
    return _digest(statuses_of(tree, directories).all_bytes())


def _digests(tree: str, stamps: Stamps, chosen: Sequence[int]) -> list[str]:
    """Return the present digest of the files in each of the ``chosen`` directories."""
    names = [_split(stamps.names[index]) for index in chosen]
    places = [f"{stamps.directories[index]}/" for index in chosen]
    statuses = statuses_of(tree, [place + name for place, files in zip(places, names, strict=True) for name in files])
    ends = accumulate(map(len, names), initial=0)
    return [_digest(statuses.of(start, end).all_bytes()) for start, end in pairwise(ends)]


def _split(names: str) -> list[str]:
    return names.split("/") if names else []


def _digest(content: memoryview) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _fail(error: OSError) -> None:
    raise error
