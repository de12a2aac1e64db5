"""Changes to files of the cache: what shares its inode with an environment can be changed from there."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import MANIFEST_NAME, File, Tree
from virtualenv_reflink.cache.record_hash import hash_of_file

_WRITABLE = 0o222


# The kernel stamps a ctime with a clock that may be this much behind.
_CLOCK_NS = 20_000_000


class Links(NamedTuple):
    """How many links each file of a tree had at a time (in ns since the epoch) when all were as they were made.

    None stands for an unknown number, as while links are being made.
    """

    seen_ns: int
    number: int | None


UNKNOWN = Links(0, None)
"""What to assume of a tree that was linked when nothing else is known."""


def parse_links(text: str) -> Links:
    """Read the JSON of :class:`Links`.

    :raises ValueError, TypeError: when it is none.
    """
    seen_ns, number = json.loads(text)
    return Links(int(seen_ns), None if number is None else int(number))


def links_to_come() -> Links:
    """Return what there is to know of a tree that is as it was made, and is about to be linked."""
    return Links(time.time_ns() - _CLOCK_NS, None)


def unlinked(tree: Tree) -> Links:
    """Return what there is to know of a tree that was never linked: its manifest was written after all its files."""
    return Links(os.stat(os.path.join(os.path.dirname(tree.root), MANIFEST_NAME)).st_mtime_ns, 1)


def links_now(tree: Tree) -> Links:
    """Return the links that the first file of ``tree`` has now, which most of them share.

    :raises OSError: when it is not there.
    """
    files = (f"{tree.root}/{scheme}/{path}" for scheme in tree.schemes for path, _ in tree.files(scheme))
    first = next(files, None)
    return Links(time.time_ns() - _CLOCK_NS, os.lstat(first).st_nlink if first else 1)


class Finding(NamedTuple):
    """The path of a file of a tree that is not as it was made, or None; whether files had to be hashed to tell."""

    changed: str | None
    hashed: bool


def examined(tree: Tree, links: Links) -> Finding:
    """Return whether the files of ``tree`` are as they were made.

    The size decides by itself. The ctime moves with every link made or removed, too, which most files of a scheme see
    together; what it has moved for otherwise is found by hashing the file. An mtime that is another, as in a cache that
    was restored from an archive, and a mode that lets the file be written are reasons to hash too; where only they were
    changed they are put back.

    An edit that keeps size and mtime is not seen once all files around it were linked or unlinked after it.
    """
    hashed = False
    for scheme in tree.schemes:
        place = f"{tree.root}/{scheme}"
        try:
            found = [(path, file, os.lstat(f"{place}/{path}")) for path, file in tree.files(scheme)]
        except OSError as error:
            return Finding(os.path.relpath(str(error.filename), place), hashed)
        common = _common_number(status.st_nlink for _, _, status in found)
        for path, file, status in found:
            suspect = _is_suspect(status, file, tree.mtime_ns, links, common)
            hashed |= suspect
            if status.st_size != file.size:
                return Finding(path, hashed)
            if suspect and not _is_restored(f"{place}/{path}", status, file, tree.mtime_ns):
                return Finding(path, hashed)
    return Finding(None, hashed)


def _common_number(numbers: Iterable[int]) -> int:
    """Return the number of links that most files have."""
    counted = Counter(numbers)
    return max(counted, key=counted.__getitem__, default=1)


def restore_mtime(path: str, mtime_ns: int | None) -> None:
    """Give a file that is as it was made the mtime it had then; bytecode is good for sources of that time only.

    In a cache that cannot be written it keeps the one it has.
    """
    if mtime_ns is not None:
        with suppress(OSError):
            os.utime(path, ns=(mtime_ns, mtime_ns))


def _is_suspect(status: os.stat_result, file: File, mtime_ns: int | None, links: Links, common: int) -> bool:
    """Return whether only its hash can tell that a file is as it was made."""
    linked_with_others = links.number not in {None, status.st_nlink} and status.st_nlink == common
    touched = status.st_ctime_ns > links.seen_ns and not linked_with_others
    return status.st_mtime_ns != mtime_ns or bool(status.st_mode & _WRITABLE) or (touched and bool(file.hash))


def _is_restored(path: str, status: os.stat_result, file: File, mtime_ns: int | None) -> bool:
    """Return whether a file can be read and has its content; if so, its mtime and its mode are put back."""
    try:
        if file.hash and hash_of_file(path, file.hash.partition("=")[0]) != file.hash:
            return False
        if status.st_mtime_ns != mtime_ns:
            if not file.hash:
                return False
            restore_mtime(path, mtime_ns)
        if status.st_mode & _WRITABLE:
            os.chmod(path, status.st_mode & ~_WRITABLE)
    except OSError:
        return False
    return True
