"""Environments as they lie on disk, found without asking their interpreters: whoever made them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.errors import TargetError

MARK = "pyvenv.cfg"
"""The file that makes a directory a virtual environment (PEP 405)."""
# of a Python on POSIX, of PyPy, and on Windows
_LIBRARIES = ("lib/*/site-packages", "lib64/*/site-packages", "Lib/site-packages")


class Place(NamedTuple):
    """An environment on disk: its root, and the directories that hold its packages."""

    root: Path
    libraries: tuple[Path, ...]


class FoundFile(NamedTuple):
    """A regular file; its size is in bytes, and ``identity`` is that of its inode on this machine."""

    path: str
    size: int
    identity: tuple[int, int]
    links: int
    mtime_ns: int


def place_of(root: Path) -> Place:
    """Return the environment at ``root``; directories of packages that a link leads to are none of its own."""
    found = (library for pattern in _LIBRARIES for library in sorted(root.glob(pattern)))
    return Place(root, tuple(library for library in found if not _is_linked(library, root)))


def is_environment(directory: Path) -> bool:
    """Return whether a directory is a virtual environment (PEP 405)."""
    return (directory / MARK).is_file()


def find_environments(paths: Iterable[Path]) -> list[Place]:
    """Return every environment at or below ``paths``, each once; links are not followed, but for the paths themselves.

    Directories that cannot be read are passed over.

    :raises TargetError: when one of the paths is no directory, or cannot be read.
    """
    roots: dict[str, None] = {}
    for path in paths:
        try:
            os.listdir(path)
        except OSError as error:
            raise TargetError(f"no environments can be looked for in {path}: {error.strerror}") from error
        roots.update(dict.fromkeys(_roots_below(os.path.realpath(path))))
    return [place_of(Path(root)) for root in roots]


def files_below(directory: str) -> Iterator[FoundFile]:
    """Yield the regular files below a directory, without following links; what cannot be read is passed over."""
    directories = [directory]
    while directories:
        try:
            entries = list(os.scandir(directories.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield _found(entry.path, entry.stat(follow_symlinks=False))
            except OSError:  # deleted meanwhile
                continue


def _roots_below(top: str) -> Iterator[str]:
    for directory, directories, names in os.walk(top):
        if MARK in names:
            yield directory
            directories.clear()


def _found(path: str, status: os.stat_result) -> FoundFile:
    identity = (status.st_dev, status.st_ino)
    return FoundFile(path, status.st_size, identity, status.st_nlink, status.st_mtime_ns)


def _is_linked(library: Path, root: Path) -> bool:
    """Return whether a directory of packages is elsewhere than it seems."""
    inside = library.relative_to(root)
    return any((root / part).is_symlink() for part in (inside, *inside.parents) if part != Path())
