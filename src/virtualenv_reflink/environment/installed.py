"""What is installed in an environment (Recording installed projects specification)."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.environment.environment import Environment

LAYER_STATE = "_virtualenv_reflink_layer.json"


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

    What came with a layer counts too.

    :raises OSError: when a RECORD cannot be read.
    """
    listed = [
        os.path.join(library, path)
        for library in environment.libraries
        for distribution in installed_in(library)
        if str(distribution.path / "RECORD") not in without
        for path in listed_files(distribution.path)
    ]
    state = layered(environment)
    beside = [path for paths in state.files.values() for path in paths] if state else []
    return frozenset(
        os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in (*listed, *beside)
    )


class Layered(NamedTuple):
    """The layer of an environment, and the files outside of it that came with it, by distribution."""

    tree: Path
    files: dict[str, list[str]]


def layered(environment: Environment) -> Layered | None:
    """Return the layer of an environment, or None where it has none."""
    try:
        state = json.loads((environment.purelib / LAYER_STATE).read_bytes())
    except FileNotFoundError:
        return None
    return Layered(Path(state["layer"]), state["files"])


def present_versions(search_path: Sequence[Path]) -> dict[str, str]:
    """Return the versions of what is installed, by normalized name; what comes first on ``search_path`` counts."""
    return {found.name: found.version for place in reversed(search_path) for found in installed_in(place)}
