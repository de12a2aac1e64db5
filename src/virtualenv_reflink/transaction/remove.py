"""Take an installed distribution out of an environment, by its RECORD."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import Installed, listed_files
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.transaction.transaction import Transaction


def remove_installed(distributions: Iterable[Installed], environment: Environment, change: Transaction) -> None:
    """Set aside the files that the RECORDs of ``distributions`` list, and delete the directories this leaves empty.

    What RECORD names outside the environment stays.

    :raises InstallError: when one was installed by a tool that left no list of its files.
    :raises OSError: when a file cannot be set aside.
    """
    files: dict[str, list[str]] = {}
    for installed in distributions:
        _check_record(installed.path)
        files.setdefault(installed.name, []).extend(_files_of(installed.path, environment))
    change.set_aside(files)
    _remove_emptied(files, environment)


def _check_record(metadata: Path) -> None:
    """Refuse what pip refuses: without RECORD nobody knows what to delete, unless there is nothing yet."""
    if metadata.suffix == ".egg-info" or (os.listdir(metadata) and not (metadata / "RECORD").exists()):
        raise InstallError(
            f"{metadata} was installed by a tool that left no RECORD, so it cannot be replaced; remove it by hand first"
        )


def _files_of(dist_info: Path, environment: Environment) -> Iterator[str]:
    """Yield the files of a distribution inside the environment, with the bytecode that was made of them.

    Its metadata directory comes first, and whole if all that is in it is listed (or nothing is, after a power cut), so
    that nobody takes the distribution for installed while its files are on their way.
    """
    library = dist_info.parent
    root = os.path.realpath(environment.root)
    metadata = os.path.join(os.path.realpath(library), dist_info.name)
    listed = list(_listed(dist_info, library))
    of_metadata = [path for path in listed if path.startswith(metadata + os.sep)]
    if os.path.islink(metadata) or len(listed) < 2 or set(_files_below(metadata)).issubset(of_metadata):
        of_metadata = [metadata]
    for path in (*of_metadata, *(path for path in listed if not path.startswith(metadata + os.sep))):
        if path.startswith(root + os.sep):
            yield path


def _listed(dist_info: Path, library: Path) -> Iterator[str]:
    for row in listed_files(dist_info):
        parent, name = os.path.split(os.path.join(library, row))
        parent = os.path.realpath(parent)
        if not _is_directory(os.path.join(parent, name)):
            yield os.path.join(parent, name)
            yield from _bytecode(parent, name)


def _files_below(directory: str) -> Iterator[str]:
    for parent, _, names in os.walk(directory):
        yield from (f"{parent}/{name}" for name in names)


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _bytecode(parent: str, name: str) -> Iterator[str]:
    if not name.endswith(".py"):
        return
    cache = os.path.join(parent, "__pycache__")
    if os.path.islink(cache):
        cache = os.path.realpath(cache)
    with suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.listdir(cache):
            if entry.startswith(f"{name.removesuffix('.py')}.") and entry.endswith(".pyc"):
                yield os.path.join(cache, entry)


def _remove_emptied(files: dict[str, list[str]], environment: Environment) -> None:
    kept = {os.path.realpath(place) for place in (environment.root, *environment.libraries)}
    parents = {os.path.dirname(path) for paths in files.values() for path in paths}
    for parent in sorted(parents, key=len, reverse=True):
        directory = parent
        while directory not in kept:
            try:
                os.rmdir(directory)
            except FileNotFoundError:
                pass
            except OSError:
                break
            directory = os.path.dirname(directory)
