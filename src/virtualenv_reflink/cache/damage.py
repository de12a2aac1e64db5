"""What is wrong with a file of the cache: every byte of it is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from virtualenv_reflink.cache.file_table import File
from virtualenv_reflink.cache.manifest import Tree
from virtualenv_reflink.cache.record_hash import hash_of_file


class Damage(NamedTuple):
    """A file that is not as it was made, by its path within what it belongs to, and what is wrong with it."""

    file: str
    reason: str


def damage_of(tree: Tree) -> Iterator[Damage]:
    """Yield the damaged files of a tree."""
    for scheme in tree.schemes:
        for path, file in tree.files(scheme):
            reason = why_damaged(f"{tree.root}/{scheme}/{path}", file)
            if reason:
                yield Damage(path, reason)


def why_damaged(path: str, file: File) -> str | None:
    """Return what is wrong with the file at ``path``, which should be ``file``, or None."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            return "it is no file"
        if status.st_size != file.size:
            return f"it has {status.st_size} bytes in place of {file.size}"
        if file.hash and hash_of_file(path, file.hash.partition("=")[0]) != file.hash:
            return "its content was changed"
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return None
