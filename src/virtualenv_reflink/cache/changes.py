"""Changes to files of the cache: what shares its inode with an environment can be changed from there."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from virtualenv_reflink.cache.file_table import FileTable
from virtualenv_reflink.cache.link_notes import Links
from virtualenv_reflink.cache.manifest import MANIFEST_NAME, Directory, Tree
from virtualenv_reflink.cache.names import LIBRARIES
from virtualenv_reflink.cache.record_hash import hash_of_file
from virtualenv_reflink.filesystem.statuses import Statuses

_WRITABLE = 0o222


def unlinked(tree: Tree) -> Links:
    """Return what there is to know of a tree that was never linked: its manifest was written after all its files.

    :raises FileNotFoundError: when it has just been dropped.
    """
    written_ns = os.stat(os.path.join(os.path.dirname(tree.root), MANIFEST_NAME)).st_mtime_ns
    return Links(written_ns, 1, written_ns)


def paths_of(tree: Tree) -> list[str]:
    """Return the paths of all files of a tree, relative to its root."""
    return [path for scheme in tree.schemes.items() for path in _paths(*scheme)]


class Finding(NamedTuple):
    """The path of a file of a tree that is not as it was made, or None; whether files had to be hashed to tell.

    ``proven`` is whether each file that layers may have, and that was touched since the links were proven, was hashed.
    """

    changed: str | None
    hashed: bool
    proven: bool


def examined(tree: Tree, links: Links, statuses: Statuses) -> Finding:
    """Return whether the files of ``tree``, whose statuses are in the order of :func:`paths_of`, are as they were made.

    The size decides by itself. The ctime moves with every link made or removed, too, which most files of a scheme see
    together; what it has moved for otherwise is found by hashing the file. An mtime that is another, as in a cache that
    was restored from an archive, and a mode that lets the file be written are reasons to hash too; where only they were
    changed they are put back.

    An edit that keeps size and mtime is not seen once all files around it were linked or unlinked after it.
    """
    hashed, proven, start = False, True, 0
    for scheme, directories in tree.schemes.items():
        tables = [directory.table for directory in directories]
        end = start + sum(table.number for table in tables)
        of_scheme = _Scheme(tables, tree.mtime_ns, links, statuses.of(start, end))
        start = end
        suspects = frozenset(of_scheme.suspects()) if of_scheme.has_suspects() else frozenset()
        hashed |= bool(suspects)
        proven &= scheme not in LIBRARIES or of_scheme.is_proven(suspects)
        questionable = sorted(suspects | of_scheme.resized())
        paths = _paths(scheme, directories) if questionable else []
        for number in questionable:
            if number not in suspects or not of_scheme.is_restored(number, f"{tree.root}/{paths[number]}"):
                return Finding(paths[number].removeprefix(f"{scheme}/"), hashed, proven)
    return Finding(None, hashed, proven)


def restore_mtime(path: str, mtime_ns: int | None) -> None:
    """Give a file that is as it was made the mtime it had then; bytecode is good for sources of that time only.

    In a cache that cannot be written it keeps the one it has.
    """
    if mtime_ns is not None:
        with suppress(OSError):
            os.utime(path, ns=(mtime_ns, mtime_ns))


class _Scheme:
    """The files of a scheme, by their numbers, and what lstat(2) tells of them now."""

    def __init__(self, tables: list[FileTable], mtime_ns: int | None, links: Links, statuses: Statuses) -> None:
        self._tables = tables
        self._mtime_ns = mtime_ns
        self._links = links
        self._sizes = statuses.sizes
        self._mtimes = statuses.mtimes_ns
        self._modes = statuses.modes
        self._ctimes = statuses.ctimes_ns
        self._numbers = statuses.links

    def has_suspects(self) -> bool:
        """Return whether it is worth looking at each file."""
        return bool(
            set(self._mtimes) - {self._mtime_ns}
            or any(mode & _WRITABLE for mode in set(self._modes))
            or (max(self._ctimes, default=0) > self._links.seen_ns and not self._are_linked_together())
        )

    def suspects(self) -> Iterator[int]:
        """Yield the files of which only the hash can tell that they are as they were made."""
        common = max((counted := Counter(self._numbers)), key=counted.__getitem__, default=1)
        rows = zip(self._hashes, self._mtimes, self._modes, self._ctimes, self._numbers, strict=True)
        for index, (hash_, mtime_ns, mode, ctime_ns, number) in enumerate(rows):
            linked_with_others = self._links.number not in {None, number} and number == common
            touched = ctime_ns > self._links.seen_ns and not linked_with_others
            if mtime_ns != self._mtime_ns or mode & _WRITABLE or (touched and hash_):
                yield index

    def resized(self) -> set[int]:
        """Return the files that have other sizes than those they were made with."""
        if self._known_sizes == self._sizes:
            return set()
        pairs = zip(self._known_sizes, self._sizes, strict=True)
        return {index for index, (known, found) in enumerate(pairs) if known != found}

    def is_proven(self, hashed: frozenset[int]) -> bool:
        """Return whether no file was touched since the links were proven but those that were ``hashed``."""
        until = self._links.proven_ns
        return max(self._ctimes, default=0) <= until or all(
            ctime_ns <= until or (index in hashed and bool(self._hashes[index]))
            for index, ctime_ns in enumerate(self._ctimes)
        )

    def is_restored(self, number: int, path: str) -> bool:
        """Return whether a file can be read and has its content; if so, its mtime and its mode are put back."""
        hash_, mode = self._hashes[number], self._modes[number]
        try:
            if self._sizes[number] != self._known_sizes[number]:
                return False
            if hash_ and hash_of_file(path, hash_.partition("=")[0]) != hash_:
                return False
            if self._mtimes[number] != self._mtime_ns:
                if not hash_:
                    return False
                restore_mtime(path, self._mtime_ns)
            if mode & _WRITABLE:
                os.chmod(path, mode & 0o7777 & ~_WRITABLE)
        except OSError:
            return False
        return True

    @cached_property
    def _known_sizes(self) -> list[int]:
        return [int(size) for table in self._tables for size in table.each_size()]

    @cached_property
    def _hashes(self) -> list[str]:
        return [hash_ for table in self._tables for hash_ in table.each_hash()]

    def _are_linked_together(self) -> bool:
        return self._links.number not in {None, *self._numbers} and len(set(self._numbers)) == 1


def _paths(scheme: str, directories: list[Directory]) -> list[str]:
    prefixes = (f"{scheme}/{directory.path}/" if directory.path else f"{scheme}/" for directory in directories)
    named = zip(prefixes, directories, strict=True)
    return [prefix + name for prefix, directory in named for name in directory.table.each_name()]
