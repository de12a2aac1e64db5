"""The native core: a compiled part that places files and deletes trees with threads, where it was built.

The variable ``VIRTUALENV_REFLINK_CORE=python`` has everything done in Python. Both do the same, and fail alike.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from virtualenv_reflink.filesystem._native import Placing

CORE = "VIRTUALENV_REFLINK_CORE"
# _native.c has the same numbers
CLONE, LINK, COPY = range(3)
SOURCE, SIZE = 1, 2
_INTERFACE = 1
# More did not help, on btrfs or on XFS.
_MOST_THREADS = 4


def core() -> str:
    """Return the name of the core in use, ``native`` or ``Python``."""
    return "Python" if _native() is None else "native"


def start_placing(umask: int) -> Placing | None:
    """Start threads that place files, or return None where there is no native core, or the system has no threads.

    ``umask`` has the permissions that new files do not get.
    """
    native = _native()
    if native is None:
        return None
    try:
        placing: Placing = native.Placing(_threads(), umask)
    except OSError:
        return None
    return placing


def native_deletion() -> Callable[[str], bool] | None:
    """Return what deletes a tree and says whether all of it is gone, or None where there is no native core.

    It raises OSError when the system has no threads.
    """
    native = _native()
    return native and (lambda path: bool(native.delete_tree(path, _threads())))


def _native() -> Any:
    return None if os.environ.get(CORE) == "python" else _load()


@cache
def _load() -> Any:
    """Import the compiled part, and ignore one that is of no use; it is imported by nobody else."""
    if sys.platform != "linux":
        return None
    try:
        from virtualenv_reflink.filesystem import _native as native
    except ImportError as error:
        # without a file, Python finds no such name
        if error.path is None or not error.path.endswith(".so"):
            return None
        _tell(error.path, str(error))
        return None
    if getattr(native, "INTERFACE", None) != _INTERFACE:
        _tell(native.__file__, "it belongs to another version")
        return None
    return native


def _tell(path: str, reason: str) -> None:
    import logging

    logging.getLogger(__name__).warning(
        "%s cannot be used (%s), so Python does its work; install virtualenv-reflink again", path, reason
    )


def _threads() -> int:
    return min(_MOST_THREADS, len(os.sched_getaffinity(0)))
