"""Changes to files of the cache: what shares its inode with an environment can be changed from there."""

from __future__ import annotations

import os

from virtualenv_reflink.cache.manifest import MANIFEST_NAME, File, Tree
from virtualenv_reflink.cache.record_hash import hash_of_file

_WRITABLE = 0o222


def changed_file(tree: Tree, settled_ns: int) -> str | None:
    """Return the path of a file of ``tree`` that is not as it was made, or None.

    Size, mtime and mode decide by themselves. A ctime later than ``settled_ns`` (since the epoch) proves nothing, since
    every link made or removed moves it: such a file is hashed.
    """
    settled_ns = max(settled_ns, _made_ns(tree))
    for scheme, directories in tree.schemes.items():
        for directory in directories:
            place = f"{tree.root}/{scheme}/{directory.path}"
            for file in directory.files:
                if _is_changed(f"{place}/{file.name}", file, tree.mtime_ns, settled_ns):
                    return directory.path_of(file)
    return None


def _made_ns(tree: Tree) -> int:
    """Return when the files of ``tree`` were complete: the manifest is written last."""
    return os.stat(os.path.join(os.path.dirname(tree.root), MANIFEST_NAME)).st_mtime_ns


def _is_changed(path: str, file: File, mtime_ns: int | None, settled_ns: int) -> bool:
    try:
        status = os.lstat(path)
        if status.st_size != file.size or status.st_mtime_ns != mtime_ns or status.st_mode & _WRITABLE:
            return True
        if status.st_ctime_ns <= settled_ns or not file.hash:
            return False
        return hash_of_file(path, file.hash.partition("=")[0]) != file.hash
    except OSError:
        return True
