"""What is installed in an environment (Recording installed projects specification)."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.environment.eggs import EGGS, eggs_in, listed_by_egg, name_of_egg
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.layer_state import LAYER_STATE
from virtualenv_reflink.errors import InstallError


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
                if suffix == ".egg-info" or not version or "-" in version:
                    # of another form, or not written as it should be, so that its name does not tell both for sure
                    name, version = _told_by_metadata(library / entry) or (name, version)
                yield Installed(normalized_name(name), version.partition("-")[0], library / entry)


def installed_into(environment: Environment) -> Iterator[Installed]:
    """Yield the distributions that the directories of an environment hold, eggs and links to projects included."""
    for library in environment.libraries:
        yield from installed_in(library)
        for egg in eggs_in(library):
            yield Installed(normalized_name(name_of_egg(egg)), "", egg)


def _told_by_metadata(path: Path) -> tuple[str, str] | None:
    """Return the name and the version of a distribution as its metadata have them, or None where they are missing."""
    from email.parser import BytesHeaderParser

    for file in (path / "METADATA", path / "PKG-INFO", path):
        with suppress(OSError):
            headers = BytesHeaderParser().parsebytes(file.read_bytes())
            if headers["Name"] and headers["Version"]:
                return str(headers["Name"]), str(headers["Version"])
    return None


def listed_files(metadata: Path) -> list[str]:
    """Return what a RECORD lists, itself last: a removal cut short can then be taken up again.

    What setuptools left has lists of its own; otherwise nothing is listed without RECORD.

    :raises OSError: when it cannot be read.
    :raises InstallError: when it is no CSV.
    """
    if metadata.suffix in EGGS:
        return listed_by_egg(metadata)
    # a lazy boundary: a new environment has no RECORD
    import csv

    record = f"{metadata.name}/RECORD"
    try:
        with open(metadata / "RECORD", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return [*(row[0] for row in csv.reader(stream) if row and row[0] != record), record]
    except FileNotFoundError:
        return []
    except csv.Error as error:
        raise InstallError(f"{metadata}/RECORD cannot be read ({error}); remove {metadata} by hand first") from error


def owned_files(environment: Environment) -> frozenset[str]:
    """Return the real paths of all files that the installed distributions list; what came with a layer counts too.

    :raises OSError: when a RECORD cannot be read.
    """
    listed = [
        os.path.join(distribution.path.parent, path)
        for distribution in installed_into(environment)
        for path in listed_files(distribution.path)
    ]
    state = layered(environment)
    paths = [path for paths in state.files.values() for path in paths] if state else []
    beside = [os.path.join(environment.purelib, path) for path in paths]
    return frozenset(map(_real, (*listed, *beside)))


class InstalledSince(NamedTuple):
    """What was installed into an environment since a moment: projects by their normalized names, and their files."""

    projects: frozenset[str]
    files: frozenset[str]

    def holds(self, project: str) -> bool:
        """Whether a project is one of them."""
        return project in self.projects

    def lists(self, path: str) -> bool:
        """Whether one of them lists a file."""
        return bool(self.files) and _real(path) in self.files


def installed_since(environment: Environment, moment_ns: int) -> InstalledSince:
    """Return the distributions whose RECORD was written after ``moment_ns`` (nanoseconds since the epoch).

    :raises OSError: when a RECORD cannot be read.
    """
    found = [
        (library, distribution)
        for library in environment.libraries
        for distribution in installed_in(library)
        if _written_ns(distribution.path / "RECORD") > moment_ns
    ]
    files = [os.path.join(library, path) for library, distribution in found for path in listed_files(distribution.path)]
    return InstalledSince(
        projects=frozenset(distribution.name for _, distribution in found), files=frozenset(map(_real, files))
    )


def _written_ns(path: Path) -> int:
    with suppress(FileNotFoundError, NotADirectoryError):
        return path.stat().st_mtime_ns
    return 0


def _real(path: str) -> str:
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


class Layered(NamedTuple):
    """The layer of an environment, and the files beside it by distribution, as RECORD would name them."""

    tree: Path
    files: dict[str, list[str]]


def layered(environment: Environment) -> Layered | None:
    """Return the layer of an environment, or None where it has none; a state that cannot be read is none."""
    return layer_of(environment.purelib)


def layer_of(library: Path) -> Layered | None:
    """Return the layer that a site-packages names, as :func:`layered` does for its environment."""
    try:
        state = json.loads((library / LAYER_STATE).read_bytes())
        return Layered(Path(state["layer"]), dict(state["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def versions_in_layer(environment: Environment) -> dict[str, str]:
    """Return the versions of what the layer of an environment holds, by normalized name; without one, of nothing."""
    state = layered(environment)
    return present_versions([state.tree]) if state else {}


def has_lost_layer(environment: Environment) -> bool:
    """Return whether an environment had a layer of which nothing can be read, as after a power cut."""
    return (environment.purelib / LAYER_STATE).exists() and layered(environment) is None


def present_versions(search_path: Sequence[Path]) -> dict[str, str]:
    """Return the versions of what is installed, by normalized name; what comes first on ``search_path`` counts."""
    return {found.name: found.version for place in reversed(search_path) for found in installed_in(place)}


def without_record(distributions: Iterable[Installed]) -> frozenset[str]:
    """Return the normalized names of those distributions whose RECORD a power cut has left empty."""
    return frozenset(distribution.name for distribution in distributions if _is_empty(distribution.path / "RECORD"))


def _is_empty(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_size == 0
    return False
