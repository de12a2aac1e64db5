"""Take an installed distribution out of an environment, by its RECORD."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import installed_in, listed_files, normalized
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.transaction.journal import Journal


def remove_installed(distributions: set[str], environment: Environment, journal: Journal) -> None:
    """Set aside the files that the RECORDs of ``distributions`` list, and delete the directories this leaves empty.

    What is half there (a killed installation) goes as well; what RECORD names outside the environment stays.

    :raises InstallError: when one was installed by a tool that left no list of its files.
    :raises OSError: when a file cannot be set aside.
    """
    names = {normalized(name) for name in distributions}
    for library in environment.libraries:
        for installed in list(installed_in(library)):
            if installed.name in names:
                _insist_on_record(installed.path)
                _remove(installed.path, library, environment, journal)


def _insist_on_record(metadata: Path) -> None:
    """Refuse what pip refuses: without RECORD nobody knows what to delete, unless there is nothing yet."""
    if metadata.suffix == ".egg-info" or (os.listdir(metadata) and not (metadata / "RECORD").exists()):
        raise InstallError(
            f"{metadata} was installed by a tool that left no RECORD, so it cannot be replaced; remove it by hand first"
        )


def _remove(dist_info: Path, library: Path, environment: Environment, journal: Journal) -> None:
    root = os.path.realpath(environment.root)
    parents: set[str] = {str(dist_info)}
    for listed in listed_files(dist_info):
        parent, name = os.path.split(os.path.join(library, listed))
        parent = os.path.realpath(parent)
        if parent != root and not parent.startswith(root + os.sep):
            continue
        for path in (os.path.join(parent, name), *_bytecode(parent, name)):
            with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
                journal.set_aside(path)
            parents.add(os.path.dirname(path))
    kept = {root, os.path.realpath(library)}
    for parent in sorted(parents, key=len, reverse=True):
        _prune(parent, kept)


def _bytecode(parent: str, name: str) -> Iterator[str]:
    if not name.endswith(".py"):
        return
    cache = os.path.join(parent, "__pycache__")
    with suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.listdir(cache):
            if entry.startswith(f"{name.removesuffix('.py')}.") and entry.endswith(".pyc"):
                yield os.path.join(cache, entry)


def _prune(directory: str, kept: set[str]) -> None:
    while directory not in kept:
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            pass
        except OSError:
            return
        directory = os.path.dirname(directory)
