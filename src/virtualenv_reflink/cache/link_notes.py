"""The notes about hard links: files without content, in whose names all is noted.

One is named after a tree that was linked, and stays. Beside it there is one that is renamed whenever something else is
to be noted of that tree. Who lists the directory meanwhile may miss it, and then knows only that there are links.

So a note is made or changed by one call, and nothing has to be written out: filesystems with a journal keep names in
order, while ext4 writes a file to disk at once when it replaces another one.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from virtualenv_reflink.cache.entries import LINK_MARK
from virtualenv_reflink.cache.modes import SMALL_FILE
from virtualenv_reflink.cache.store import Store


class Links(NamedTuple):
    """How many links each file of a tree had at a time (in ns since the epoch) when all were as they were made.

    ``number`` is None where it is unknown, as while links are being made. Up to ``proven_ns`` no file that layers
    may have had been touched but by links that were noted, or else it was hashed.
    """

    seen_ns: int
    number: int | None
    proven_ns: int


UNKNOWN = Links(0, None, 0)
"""What to assume of a tree that was linked when nothing else is known."""


class LinkNotes:
    """The notes of one kind. Where processes have written several of a tree at once, the latest counts."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind

    def read(self) -> dict[str, Links]:
        """Return what is noted, by the names of trees; a note that is damaged still tells that there are links.

        :raises CacheError: when others may write to the directory of the notes.
        """
        found: dict[str, Links] = {}
        for name in self._store.note_names(self._kind):
            tree, links = _parse(name)
            found[tree] = max(links, found.get(tree, links), key=lambda each: each.seen_ns)
        return found

    def write(self, links: Mapping[str, Links]) -> None:
        """Note links by the names of trees; a cache that cannot be written merely forgets it.

        :raises CacheError: when others may write to the directory of the notes.
        """
        with suppress(OSError):
            directory = str(self._store.directory_of_notes(self._kind))
            known: dict[str, list[str]] = {}
            for name in self._store.note_names(self._kind):
                known.setdefault(_parse(name)[0], []).append(name)
            for tree, noted in links.items():
                names = known.get(tree, [])
                if tree not in names:
                    _create(f"{directory}/{tree}")
                _replace(directory, [name for name in names if name != tree], _name(tree, noted))


def _replace(directory: str, known: list[str], name: str) -> None:
    """Have a name in place of those that are known, of which other processes may have taken some away."""
    old = next((each for each in known if _is_renamed(f"{directory}/{each}", f"{directory}/{name}")), None)
    if old is None:
        _create(f"{directory}/{name}")
    for other in {*known} - {old, name}:
        with suppress(FileNotFoundError):
            os.unlink(f"{directory}/{other}")


def _is_renamed(path: str, new: str) -> bool:
    with suppress(FileNotFoundError):
        os.rename(path, new)
        return True
    return False


def _create(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, SMALL_FILE))


def _name(tree: str, links: Links) -> str:
    number = "" if links.number is None else links.number
    return f"{tree}{LINK_MARK}{links.seen_ns},{number},{links.proven_ns}"


def _parse(name: str) -> tuple[str, Links]:
    tree, _, text = name.partition(LINK_MARK)
    with suppress(ValueError):
        seen_ns, number, proven_ns = text.split(",")
        return tree, Links(int(seen_ns), int(number) if number else None, int(proven_ns))
    return tree, UNKNOWN
