"""Take an installed distribution out of an environment, by its RECORD."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.install.environment import Environment
from virtualenv_reflink.install.journal import Journal


def remove_installed(distribution: str, environment: Environment, journal: Journal) -> None:
    """Set aside the files that the RECORD of ``distribution`` lists, and delete the directories this leaves empty.

    What is half there (a killed installation) goes as well; what RECORD names outside the environment stays.

    :raises OSError: when a file cannot be set aside.
    """
    for library in {environment.purelib, environment.platlib}:
        for dist_info in _dist_infos(library, _normalized(distribution)):
            _remove(dist_info, library, environment, journal)


def _dist_infos(library: Path, name: str) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        for entry in os.listdir(library):
            if entry.endswith(".dist-info") and _normalized(entry.partition("-")[0]) == name:
                yield library / entry


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _remove(dist_info: Path, library: Path, environment: Environment, journal: Journal) -> None:
    root = os.path.realpath(environment.root)
    parents: set[str] = {str(dist_info)}
    for listed in _listed(dist_info):
        parent, name = os.path.split(os.path.join(library, listed))
        parent = os.path.realpath(parent)
        if parent != root and not parent.startswith(root + os.sep):
            continue
        for path in (os.path.join(parent, name), *_bytecode(parent, name)):
            with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
                journal.set_aside(path)
            parents.add(os.path.dirname(path))
    kept = {root, *(os.path.realpath(path) for path in (library, environment.scripts))}
    for parent in sorted(parents, key=len, reverse=True):
        _prune(parent, kept)


def _listed(dist_info: Path) -> list[str]:
    """Return what RECORD lists, itself last: a removal cut short can then be taken up again."""
    record = f"{dist_info.name}/RECORD"
    with (
        suppress(FileNotFoundError),
        open(dist_info / "RECORD", encoding="utf-8", errors="surrogateescape", newline="") as stream,
    ):
        return [*(row[0] for row in csv.reader(stream) if row and row[0] != record), record]
    return []


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
