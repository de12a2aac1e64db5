"""The native core: a compiled part that places and looks at files, deletes and measures trees and finds files on disk.

The variable ``VIRTUALENV_REFLINK_CORE=python`` has everything done in Python. Both do the same, and fail alike.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from virtualenv_reflink.filesystem._native import Placing

CORE = "VIRTUALENV_REFLINK_CORE"
# _native.c has the same numbers
CLONE, LINK, COPY = range(3)
SOURCE, SIZE = 1, 2
_INTERFACE = 6
_LINKED = struct.Struct("@QQq")
# the first bytes of a shared object, and in its header e_shoff, e_shentsize and e_shnum
_MAGIC_ELF64 = b"\x7fELF\x02"
_ELF64 = struct.Struct("=40xQ10xHH2x")
# One for each processor, and no more than these: the rest of the machine may have something to do too.
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


def native_extents() -> Callable[[list[str]], list[bytes | None]] | None:
    """Return what returns the ``struct fiemap_extent``s of files, or None where there is no native core.

    It returns None for a file that has no such map; other threads run Python meanwhile.
    """
    native = _native()
    return native and (lambda paths: list(native.extents(paths)))


def native_statuses() -> Callable[[str, list[str]], bytes] | None:
    """Return what looks at files by their paths in a directory, or None where there is no native core.

    It returns the rows that :mod:`virtualenv_reflink.filesystem.statuses` tells of, and raises OSError for the first
    file that cannot be looked at, by its path in the directory. Other threads run Python meanwhile.
    """
    native = _native()
    return native and (lambda root, paths: bytes(native.statuses(root, paths, _threads())))


def native_disk_usage() -> Callable[[str], tuple[int, Iterable[tuple[int, int, int]]]] | None:
    """Return what measures all that is in a directory, or None where there is no native core.

    It returns the bytes on disk of all but files with hard links, and the device, the number and the bytes of each of
    these. What vanishes meanwhile takes none.
    """
    native = _native()
    return native and (lambda path: _measured(*native.disk_usage(path)))


def _measured(number: int, linked: bytes) -> tuple[int, Iterable[tuple[int, int, int]]]:
    return number, _LINKED.iter_unpack(linked)


def _native() -> Any:
    return None if os.environ.get(CORE) == "python" else _load()


@cache
def _load() -> Any:
    """Import the compiled part, and ignore one that is of no use; it is imported by nobody else."""
    spec = find_spec("virtualenv_reflink.filesystem._native")
    if spec is None or spec.origin is None:
        return None
    try:
        _check_abi(spec.origin)
        _check_length(spec.origin)
        native = import_module(spec.name)
        if native.INTERFACE != _INTERFACE:
            raise ImportError("it belongs to another version")
    except (OSError, ImportError, AttributeError) as error:
        # few have such a file, and everybody starts
        import logging

        logging.getLogger(__name__).warning(
            "%s cannot be used (%s), so Python does its work; install virtualenv-reflink again", spec.origin, error
        )
        return None
    return native


def _check_abi(path: str) -> None:
    """Refuse the stable ABI in a free-threaded build, which up to Python 3.14 tries to load it, and fails or crashes.

    :raises ImportError: when the path tells that this is so.
    """
    if path.endswith(".abi3.so") and "t" in sys.abiflags:
        raise ImportError("it is not for free-threaded builds")


def _check_length(path: str) -> None:
    """Refuse a shared object that was cut short, which would end this process, SIGBUS in mmap(2).

    :raises ImportError: when it ends before its table of sections does, which is the last part of it, elf(5).
    """
    with open(path, "rb") as stream:
        header = stream.read(_ELF64.size)
        if len(header) == _ELF64.size and header.startswith(_MAGIC_ELF64):
            start, entry_size, entries = _ELF64.unpack(header)
            if start + entry_size * entries > os.fstat(stream.fileno()).st_size:
                raise ImportError("it was cut short")


def _threads() -> int:
    return min(_MOST_THREADS, len(os.sched_getaffinity(0)))
