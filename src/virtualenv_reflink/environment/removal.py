"""Take an environment away with one rename, and delete it then: whoever looks finds it whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from virtualenv_reflink.environment.lock import locked
from virtualenv_reflink.errors import TargetError
from virtualenv_reflink.filesystem.deletion import delete_tree
from virtualenv_reflink.filesystem.subvolume import is_subvolume

# What makes a directory an environment (PEP 405).
_CONFIGURATION = "pyvenv.cfg"
# What a directory holds that is somebody's work, with an environment made around it.
_PROJECT = (".git", ".hg", ".svn", "pyproject.toml", "setup.py", "setup.cfg")


def remove(root: Path, on_wait: Callable[[str], None]) -> None:
    """Delete an environment, and what a killed process left of one of that name.

    A process that changes it is waited for, and ``on_wait`` told so.

    :raises TargetError: when it is no environment, must not be deleted, or cannot be.
    """
    # such a name cannot be renamed
    root = root.resolve() if root.name == ".." else root
    aside = _place_beside(root)
    if os.path.lexists(root) or not os.path.lexists(aside):
        _check(root)
        with locked(root, on_wait):
            _check_is_still_one(root)
            try:
                _delete(aside)
                os.rename(root.absolute(), aside)
            except OSError as error:
                raise TargetError(f"{root} cannot be removed: {error.strerror or error}") from error
    try:
        _delete(aside)
    except OSError as error:
        raise TargetError(
            f"{root} is no more, but what it held cannot be deleted: {error.filename}: {error.strerror or error}; "
            f"delete {aside} by hand"
        ) from error


def empty(root: Path) -> None:
    """Delete what an environment holds, as far as that is possible."""
    aside = _moved_out(root)
    with suppress(OSError):
        _delete(aside)


@contextmanager
def emptied(root: Path) -> Iterator[None]:
    """Leave nothing in an environment, and delete what it held when the context is left.

    A thread does that while the process goes on, and the process does not end before it is done.
    """
    aside = _moved_out(root)
    try:
        yield
    finally:
        Thread(target=_delete_if_possible, args=(aside,)).start()


def _moved_out(root: Path) -> Path:
    """Move what an environment holds to a place beside it, where the next call finds what a killed one did not delete.

    What cannot be moved stays, and so does everything where the environment is a link to somewhere else. What makes it
    an environment goes first, so that nobody takes a part of it for one.
    """
    aside = _place_beside(root)
    _delete_if_possible(aside)
    with suppress(OSError):
        names = [] if root.is_symlink() else os.listdir(root)
        aside.mkdir(mode=0o700)
        for name in sorted(names, key=lambda name: name != _CONFIGURATION):
            os.rename(root / name, aside / name)
    return aside


def _place_beside(root: Path) -> Path:
    root = root.absolute()
    # the root directory has no name
    return root.parent / f".{root.name}.deleted"


def _delete(tree: Path) -> None:
    """Delete a tree that may be an environment with a subvolume of packages; one that is not there is no error."""
    for library in tree.glob("lib/*/site-packages"):
        if is_subvolume(str(library)):
            delete_tree(str(library))
    if os.path.lexists(tree):
        delete_tree(str(tree))


def _delete_if_possible(tree: Path) -> None:
    with suppress(OSError):
        _delete(tree)


def _check(root: Path) -> None:
    try:
        reason = _why_not(root)
    except OSError as error:
        reason = error.strerror
    if reason:
        raise TargetError(f"{root} cannot be removed: {reason}")


def _why_not(root: Path) -> str | None:
    if root.is_symlink():
        return f"it is a link to {os.path.realpath(root)}; name that instead"
    if not root.is_dir():
        return "there is no such directory"
    if not (root / _CONFIGURATION).is_file():
        return f"it is not an environment, since it has no {_CONFIGURATION}"
    if any(_is_inside(place, root) for place in (sys.prefix, sys.executable, __file__)):
        return "this command runs in it; use the one of another environment"
    if _is_inside(sys.base_prefix, root) or any(root.glob("lib/python*/os.py")):
        return "it is a Python that environments are made of"
    if _is_inside(os.path.expanduser("~"), root):
        return "it holds your home directory"
    for name in _PROJECT:
        if os.path.lexists(root / name):
            return f"it holds a project too ({name}); delete what belongs to the environment by hand"
    for place in root.glob(f"*/{_CONFIGURATION}"):
        return f"it holds another environment too ({place.parent.name}); remove that first"
    return None


def _is_inside(place: str, root: Path) -> bool:
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(root))


def _check_is_still_one(root: Path) -> None:
    """Refuse what another process has removed while this one waited, and the directory that waiting made."""
    if not (root / _CONFIGURATION).is_file():
        with suppress(OSError):
            root.rmdir()
        raise TargetError(f"{root} cannot be removed: another process did")
