"""A new environment while it is made: under a name beside its own, so that it is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from virtualenv_reflink.environment.lock import locked
from virtualenv_reflink.errors import TargetError
from virtualenv_reflink.filesystem.interrupts import endings_raised, interrupts_put_off
from virtualenv_reflink.forking.source import Source

_UNUSABLE = {"\n": "a line break", "\r": "a line break", os.pathsep: f"{os.pathsep!r}, which divides paths on the PATH"}


def check_new(place: str, source: Source) -> None:
    """Refuse a place where no environment can be made.

    :raises TargetError: when it is taken, inside of ``source``, or has a name that scripts cannot use.
    """
    for character, what in _UNUSABLE.items():
        if character in place:
            raise TargetError(f"an environment cannot be at {place!r}: the path has {what}; choose another place")
    if not _is_utf8(place):
        raise TargetError(
            f"an environment cannot be at {place!r}: the path has bytes that are not UTF-8, in which pyvenv.cfg is "
            "written; choose another place"
        )
    if f"{_real(place)}/".startswith(f"{os.path.realpath(source.root)}/"):
        raise TargetError(f"{place} is inside of {source.root}, so it cannot be a fork of it; choose another place")
    _check_free(place)


@contextmanager
def drafted(place: str, on_wait: Callable[[str], None]) -> Iterator[str]:
    """Make an empty directory that becomes ``place`` when the context is left, or goes if there was an exception.

    What a killed process has left of the same is deleted first. Another process that makes it is waited for.

    :raises TargetError: when ``place`` is taken.
    :raises OSError: when it cannot be made.
    """
    parent = os.path.dirname(place)
    missing = _missing(parent)
    draft = f"{parent}/.virtualenv-reflink-fork-{hashlib.sha256(os.fsencode(place)).hexdigest()[:16]}"
    try:
        with endings_raised(), locked(Path(draft), on_wait):
            try:
                _empty(draft)
                _check_free(place)
                yield draft
                os.rename(draft, place)
            except BaseException:
                with interrupts_put_off(), suppress(FileNotFoundError):
                    _empty(draft)
                    os.rmdir(draft)
                raise
    except BaseException:
        for directory in missing:
            with suppress(OSError):
                os.rmdir(directory)
        raise


def _check_free(place: str) -> None:
    if os.path.lexists(place):
        raise TargetError(f"{place} is there already; delete it, or choose another place")


def _is_utf8(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _real(place: str) -> str:
    return os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))


def _missing(directory: str) -> list[str]:
    """Return the directories that have to be made for ``directory`` to be there, the innermost first."""
    missing = []
    while not os.path.lexists(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    return missing


def _empty(directory: str) -> None:
    names = os.listdir(directory)
    if not names:
        return
    # a lazy boundary: only what failed leaves something
    from virtualenv_reflink.filesystem.deletion import delete_tree
    from virtualenv_reflink.filesystem.subvolume import is_subvolume
    from virtualenv_reflink.transaction.steps import delete

    for library in filter(is_subvolume, map(str, Path(directory).glob("lib*/*/site-packages"))):
        delete_tree(library)
    for name in names:
        delete(f"{directory}/{name}")
