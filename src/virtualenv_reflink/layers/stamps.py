"""The stamps of a layer: what lstat(2) tells of its directories and files, some of which changes when one is written.

The ctime of a file that the layer shares with the cache also changes when it gets another hard link or loses one. Where
nothing but links that the cache has noted has happened to the tree of such a file, it is as it was.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from virtualenv_reflink.filesystem.statuses import Statuses, statuses_of, statuses_of_groups

FILES_AT_ONCE = 10_000
"""How many files of a layer are looked at each time it is used, about 20 ms of work for one processor."""

# 64 bits: what differs by mistake has the same digest once in 10**19 times
_DIGITS = 16
# where the columns of groups begin
_FIRST_OF_GROUPS = 3


class Origin(NamedTuple):
    """A file of the cache that one in a layer may be a link to: the name of its tree for notes, and its path."""

    tree: str
    path: str


class Stamps(NamedTuple):
    """The directories of a layer by their paths in there, and a digest of the statuses of all of them.

    Files of one directory that share their inodes with one tree of the cache are a group, and so are those that share
    them with none. For each group there are the numbers of its directory and of its tree, the names of its files,
    joined by slashes, a digest of their statuses, and one of what further links leave as it is.
    """

    directories: list[str]
    state: str
    trees: list[str]
    places: list[int]
    sources: list[int]
    names: list[str]
    digests: list[str]
    lasting: list[str]


def stamps_of(layer: str, origins: Mapping[str, Origin]) -> Stamps:
    """Return the stamps of a layer, whose files at those paths may be links to files of the cache.

    :raises OSError: when it cannot be read.
    """
    directories, files = [], []
    for place, below, names in os.walk(layer, onerror=_fail):
        directory = os.path.relpath(place, layer)
        directories.append(directory)
        links = [name for name in below if os.path.islink(f"{place}/{name}")]
        files += [f"{directory}/{name}" for name in (*names, *links)]
    trees = ["", *sorted({origin.tree for origin in origins.values()})]
    groups = _groups(files, _shared(layer, files, origins))
    number_of_place = {directory: number for number, directory in enumerate(directories)}
    number_of_tree = {tree: number for number, tree in enumerate(trees)}
    stamps = Stamps(
        directories,
        _state(layer, directories),
        trees,
        [number_of_place[directory] for directory, _ in groups],
        [number_of_tree[tree] for _, tree in groups],
        ["/".join(names) for names in groups.values()],
        [],
        [],
    )
    statuses = list(_statuses(layer, stamps, range(len(groups))))
    return stamps._replace(
        digests=[_digest(each.all_bytes()) for each in statuses],
        lasting=[_digest(each.lasting_bytes()) for each in statuses],
    )


def text_of(stamps: Stamps) -> str:
    """Return stamps as JSON."""
    return json.dumps(stamps)


def parse_stamps(text: str) -> Stamps:
    """Read the JSON of stamps.

    :raises TypeError, ValueError: when it is none.
    """
    stamps = Stamps(*json.loads(text))
    if len({len(column) for column in stamps[_FIRST_OF_GROUPS:]}) != 1:
        raise ValueError("each group has all that there is of a group")
    return stamps


def are_current(layer: str, stamps: Stamps, proven_ns: Callable[[str], int]) -> bool:
    """Return whether all directories are as they were, and as many files as are looked at once.

    In a large layer these are others each time, chosen at random. ``proven_ns`` tells until when nothing had happened
    to a tree but links that were noted.
    """
    try:
        return _state(layer, stamps.directories) == stamps.state and not any(
            True for _ in _changed(layer, stamps, _some(stamps), proven_ns)
        )
    except OSError:
        return False


def changed_directories(layer: str, stamps: Stamps, proven_ns: Callable[[str], int]) -> frozenset[str]:
    """Return the directories with files of which something else may have changed.

    :raises OSError: when one cannot be read.
    """
    changed = _changed(layer, stamps, range(len(stamps.names)), proven_ns)
    return frozenset(stamps.directories[stamps.places[group]] for group in changed)


def _shared(layer: str, files: list[str], origins: Mapping[str, Origin]) -> Iterator[str]:
    """Yield the tree with which each file shares its inode, or nothing.

    :raises OSError: when the cache has lost the file it may be a link to.
    """
    found = [origins.get(os.path.normpath(file)) for file in files]
    cached = iter(statuses_of(layer, [origin.path for origin in found if origin]).inodes)
    for origin, inode in zip(found, statuses_of(layer, files).inodes, strict=True):
        yield origin.tree if origin and next(cached) == inode else ""


def _groups(files: Iterable[str], trees: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """Return the names of files by their directory and their tree."""
    groups: dict[tuple[str, str], list[str]] = {}
    for file, tree in zip(files, trees, strict=True):
        directory, _, name = file.rpartition("/")
        groups.setdefault((directory, tree), []).append(name)
    return groups


def _some(stamps: Stamps) -> Sequence[int]:
    """Return the groups that have as many files together as are looked at once, or all of them."""
    number = len(stamps.names)
    first, chosen, files = int.from_bytes(os.urandom(8), "big") % (number or 1), [], 0
    for group in (*range(first, number), *range(first)):
        chosen.append(group)
        files += stamps.names[group].count("/") + 1
        if files >= FILES_AT_ONCE:
            break
    return chosen


def _changed(layer: str, stamps: Stamps, chosen: Sequence[int], proven_ns: Callable[[str], int]) -> Iterator[int]:
    """Yield those of the ``chosen`` groups to whose files something else than noted links has happened."""
    for group, statuses in zip(chosen, _statuses(layer, stamps, chosen), strict=True):
        if _digest(statuses.all_bytes()) == stamps.digests[group]:
            continue
        tree = stamps.trees[stamps.sources[group]]
        is_linked = tree and _digest(statuses.lasting_bytes()) == stamps.lasting[group]
        if not is_linked or max(statuses.ctimes_ns) > proven_ns(tree):
            yield group


def _state(layer: str, directories: list[str]) -> str:
    return _digest(statuses_of(layer, directories).all_bytes())


def _statuses(layer: str, stamps: Stamps, chosen: Sequence[int]) -> Iterator[Statuses]:
    """Look at the files of all ``chosen`` groups at once."""
    places = [(f"{stamps.directories[stamps.places[group]]}/", stamps.names[group].split("/")) for group in chosen]
    return statuses_of_groups(layer, [[place + name for name in names] for place, names in places])


def _digest(content: memoryview | bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _fail(error: OSError) -> None:
    raise error
