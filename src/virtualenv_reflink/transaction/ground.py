"""The directories of an environment that an installation builds on, and the names that are free in them."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from virtualenv_reflink.cache.manifest import File
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import owned_files
from virtualenv_reflink.transaction.journal import Journal


class Ground:
    """Makes directories and hands out each file name in them once.

    A file of an installed distribution makes room, as with pip; any other file stays, and is an error.
    """

    def __init__(self, environment: Environment, journal: Journal) -> None:
        self._environment = environment
        self._journal = journal
        self._claimed: dict[str, set[str]] = {}
        self._found: dict[str, set[str]] = {}
        self._owned: frozenset[str] | None = None

    def make_directories(self, path: str) -> None:
        """Make a directory and what is missing above it.

        :raises OSError: when that fails.
        """
        if path in self._claimed:
            return
        if not os.path.isdir(path):
            self.make_directories(os.path.dirname(path))
            self.make_directory(path)
        else:
            self._know(path)

    def make_directory(self, path: str) -> None:
        """Make a directory unless it is there; a link in its place could lead out of the environment.

        :raises FileExistsError: when something else is there.
        """
        if path in self._claimed:
            return
        try:
            os.mkdir(path)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                raise
            self._know(path)
        else:
            self._journal.directories.append(path)
            self._claimed[path] = set()

    def claim(self, directory: str, files: list[File]) -> list[File]:
        """Return those ``files`` whose names nobody claimed before; theirs is then the room.

        :raises FileExistsError: when a file that no distribution owns is in the way.
        """
        claimed = self._claimed[directory]
        if claimed:
            files = [file for file in files if file.name not in claimed]
        names = {file.name for file in files}
        found = self._found.get(directory)
        if found:
            self._make_room(directory, found & names)
        claimed |= names
        return files

    def claim_name(self, path: str) -> bool:
        """Return whether nobody claimed the file at ``path`` before.

        :raises FileExistsError: when a file that no distribution owns is in the way.
        """
        directory, name = os.path.split(path)
        return bool(self.claim(directory, [File(name, False, 0, "")]))

    def _know(self, path: str) -> None:
        self._claimed[path] = set()
        self._found[path] = set(os.listdir(path))

    def _make_room(self, directory: str, names: set[str]) -> None:
        for name in names:
            path = f"{directory}/{name}"
            if self._owned is None:
                self._owned = owned_files(self._environment, without=self._journal.files)
            if os.path.realpath(directory) + f"/{name}" not in self._owned:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            with suppress(FileNotFoundError):
                self._journal.set_aside(path)
