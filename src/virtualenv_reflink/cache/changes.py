"""Changes to files of the cache: what shares its inode with an environment can be changed from there."""

from __future__ import annotations

import json
import os
import time
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

    Size and mtime decide by themselves. The ctime moves with every link made or removed, so it means something only
    while the number of links is the one last seen, or unknown: then what it has moved for is found by hashing the file.
    A mode that lets it be written is reason to hash too; where only that was changed it is put back.
    """
    for scheme, directories in tree.schemes.items():
        for directory in directories:
            place = f"{tree.root}/{scheme}/{directory.path}"
            for file in directory.files:
                if _is_changed(f"{place}/{file.name}", file, tree.mtime_ns, links):
                    return directory.path_of(file)
    return None


def _is_changed(path: str, file: File, mtime_ns: int | None, links: Links) -> bool:
    try:
        status = os.lstat(path)
        if status.st_size != file.size or status.st_mtime_ns != mtime_ns:
            return True
        writable = status.st_mode & _WRITABLE
        touched = status.st_ctime_ns > links.seen_ns and links.number in {None, status.st_nlink}
        if (writable or touched) and file.hash and hash_of_file(path, file.hash.partition("=")[0]) != file.hash:
            return True
        if writable:
            os.chmod(path, status.st_mode & ~_WRITABLE)
    except OSError:
        return True
    return False
