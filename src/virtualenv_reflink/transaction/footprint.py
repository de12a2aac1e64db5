"""What an installation adds to an environment."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import owned_files
from virtualenv_reflink.transaction.transaction import Transaction


class Footprint:
    """Finds the directories that are new, and the names that are taken in those that are not."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._root = os.path.realpath(environment.root)
        self._names: dict[str, set[str] | None] = {}
        self._directories: list[str] = []
        self._taken: list[str] = []
        self._lost: list[str] = []

    def add(self, directory: str, names: Iterable[str], *, lost: bool = False) -> None:
        """Add files that are to come into a directory; where RECORD is ``lost``, they may be there unlisted.

        :raises FileExistsError: when a file is there, or a link that leads out of the environment.
        :raises OSError: when a directory cannot be read.
        """
        there = self._found_in(directory)
        if there:
            taken = [f"{directory}/{name}" for name in names if name in there]
            (self._lost if lost else self._taken).extend(taken)

    def make_room(self, change: Transaction) -> None:
        """Set aside files of installed distributions that are in the way, as with pip; any other file is an error.

        :raises FileExistsError: for the first file that no distribution lists.
        :raises OSError: when one cannot be set aside.
        """
        if not self._taken and not self._lost:
            return
        owned = owned_files(self._environment) if self._taken else frozenset()
        for path in self._taken:
            directory, name = os.path.split(path)
            if f"{os.path.realpath(directory)}/{name}" not in owned:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        for path in (*self._taken, *self._lost):
            if self._must_stay(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        change.set_aside({"": [*self._taken, *self._lost]})
        self._taken, self._lost = [], []

    def new_directories(self) -> list[str]:
        """Return the highest ones of the directories that have to be made; each is returned once."""
        directories, self._directories = self._directories, []
        return directories

    def _must_stay(self, path: str) -> bool:
        """Whether a path is a directory, or what makes this an environment."""
        if os.path.isdir(path):
            return not os.path.islink(path)
        own = (self._environment.executable, self._environment.root / "pyvenv.cfg")
        return os.path.exists(path) and any(os.path.exists(each) and os.path.samefile(path, each) for each in own)

    def _found_in(self, directory: str) -> set[str] | None:
        """Return what a directory holds, or None for one that has to be made."""
        if directory not in self._names:
            self._names[directory] = self._look(directory)
        return self._names[directory]

    def _look(self, directory: str) -> set[str] | None:
        parent = directory.rpartition("/")[0]
        if parent in self._names and self._names[parent] is None:
            return None
        try:
            names = set(os.listdir(directory))
        except NotADirectoryError as error:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), directory) from error
        except FileNotFoundError:
            if os.path.lexists(directory):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), directory) from None
            if self._found_in(parent) is not None:
                self._directories.append(directory)
            return None
        if self._leads_outside(directory):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), directory)
        return names

    def _leads_outside(self, directory: str) -> bool:
        """Whether a directory is elsewhere than its path says; schemes that are elsewhere openly are not."""
        if not os.path.islink(directory) and not _is_below(directory, str(self._environment.root)):
            return False
        return not _is_below(os.path.realpath(directory), self._root)


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(os.path.join(root, ""))
