"""Changes to files of the cache: what shares its inode with an environment can be changed from there."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable
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


def changed_file(tree: Tree, links: Links) -> str | None:
    """Return the path of a file of ``tree`` that is not as it was made, or None.

    Size and mtime decide by themselves. The ctime moves with every link made or removed, too, which most files of a
    scheme see together. What it has moved for otherwise is found by hashing the file. A mode that lets it be written is
    reason to hash it as well; where only that was changed it is put back.

    An edit that keeps size and mtime is not seen once all files around it were linked or unlinked after it.
    """
    for scheme in tree.schemes:
        try:
            found = [(path, file, os.lstat(f"{tree.root}/{scheme}/{path}")) for path, file in tree.files(scheme)]
        except OSError as error:
            return os.path.relpath(str(error.filename), f"{tree.root}/{scheme}")
        common = _common_number(status.st_nlink for _, _, status in found)
        for path, file, status in found:
            if _is_changed(f"{tree.root}/{scheme}/{path}", file, status, tree.mtime_ns, links, common):
                return path
    return None


def _common_number(numbers: Iterable[int]) -> int:
    """Return the number of links that most files have."""
    counted = Counter(numbers).most_common(1)
    return counted[0][0] if counted else 1


def _is_changed(path: str, file: File, status: os.stat_result, mtime_ns: int | None, links: Links, common: int) -> bool:
    if status.st_size != file.size or status.st_mtime_ns != mtime_ns:
        return True
    writable = status.st_mode & _WRITABLE
    linked_with_others = links.number not in {None, status.st_nlink} and status.st_nlink == common
    touched = status.st_ctime_ns > links.seen_ns and not linked_with_others
    try:
        if (writable or touched) and file.hash and hash_of_file(path, file.hash.partition("=")[0]) != file.hash:
            return True
        if writable:
            os.chmod(path, status.st_mode & ~_WRITABLE)
    except OSError:
        return True
    return False
