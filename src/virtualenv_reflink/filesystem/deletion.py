"""Delete a directory tree, by all means there are."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress

from virtualenv_reflink.filesystem.native import native_deletion
from virtualenv_reflink.filesystem.subvolume import delete_subvolume, is_subvolume


def delete_tree(path: str) -> None:
    """Delete a directory with all that is in it, following no links.

    In turn: an empty one by itself; a subvolume at once, where the mount allows that; by the threads of the native
    core; as :func:`shutil.rmtree` does, which also says what is in the way.

    :raises OSError: when something cannot be deleted, or ``path`` is no directory.
    """
    with suppress(OSError):
        os.rmdir(path)
        return
    with suppress(OSError):
        if is_subvolume(path) and delete_subvolume(path):
            return
    delete = native_deletion()
    with suppress(OSError):
        if delete is not None and delete(path):
            return
    shutil.rmtree(path)
