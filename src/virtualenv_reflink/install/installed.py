"""What is installed in an environment (Recording installed projects specification)."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.install.environment import Environment


class Installed(NamedTuple):
    """A distribution in an environment: its normalized name, its version, and its metadata directory."""

    name: str
    version: str
    path: Path


def installed_in(library: Path) -> Iterator[Installed]:
    """Yield the distributions that a directory on ``sys.path`` holds; one that is not there holds none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for entry in sorted(os.listdir(library)):
            stem, suffix = os.path.splitext(entry)
            if suffix in {".dist-info", ".egg-info"}:
                name, _, version = stem.partition("-")
                yield Installed(normalized(name), version.partition("-")[0], library / entry)


def normalized(name: str) -> str:
    """Return a distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def listed_files(dist_info: Path) -> list[str]:
    """Return what a RECORD lists, itself last: a removal cut short can then be taken up again.

    Without RECORD nothing is listed.

    :raises OSError: when it cannot be read.
    """
    record = f"{dist_info.name}/RECORD"
    with (
        suppress(FileNotFoundError),
        open(dist_info / "RECORD", encoding="utf-8", errors="surrogateescape", newline="") as stream,
    ):
        return [*(row[0] for row in csv.reader(stream) if row and row[0] != record), record]
    return []


def owned_files(environment: Environment, without: Collection[str]) -> frozenset[str]:
    """Return the real paths of all files that the installed distributions list, in RECORDs not among ``without``.

    :raises OSError: when a RECORD cannot be read.
    """
    return frozenset(
        os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        for library in environment.libraries
        for distribution in installed_in(library)
        if str(distribution.path / "RECORD") not in without
        for path in (os.path.join(library, listed) for listed in listed_files(distribution.path))
    )


def present_versions(environment: Environment) -> dict[str, str]:
    """Return the versions of what is installed, by normalized name."""
    return {found.name: found.version for library in environment.libraries for found in installed_in(library)}
