"""What an unpacked wheel consists of, so that putting it in place needs no walk and no stat."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MANIFEST_NAME = "manifest.json"
TREE_NAME = "tree"


class File(NamedTuple):
    """A file of a directory: its name, whether it is executable, its size in bytes and its RECORD hash."""

    name: str
    executable: bool
    size: int
    hash: str


class Directory(NamedTuple):
    """A directory of a scheme, as a ``/``-separated path ("" is the scheme's own), and the files in it."""

    path: str
    files: list[File]

    def path_of(self, file: File) -> str:
        """Return the path of one of its files, relative to the scheme."""
        return f"{self.path}/{file.name}" if self.path else file.name


class Tree(NamedTuple):
    """Files in install layout under ``root``, by scheme; directories come before what is in them."""

    root: str
    schemes: dict[str, list[Directory]]
    mtime_ns: int | None

    def files(self, scheme: str) -> Iterator[tuple[str, File]]:
        """Yield every file of a scheme with its path relative to that scheme."""
        for directory in self.schemes.get(scheme, ()):
            for file in directory.files:
                yield directory.path_of(file), file


class EntryPoint(NamedTuple):
    """A script to generate, see the entry points specification.

    ``section`` is ``console`` or ``gui``; ``code`` is the script without its first line, which names the interpreter.
    """

    name: str
    module: str
    attr: str
    section: str
    code: str


class Metadata(NamedTuple):
    """What installing needs to know of a wheel beside its files."""

    wheel: str
    distribution: str
    version: str
    dist_info: str
    root_scheme: str
    requires_python: str | None
    requires_dist: list[str]
    entry_points: list[EntryPoint]
    rewritten_scripts: list[str]


class UnpackedWheel(NamedTuple):
    """A wheel in the cache; ``key`` is the SHA-256 of its archive."""

    key: str
    metadata: Metadata
    tree: Tree


class TreeBuilder:
    """Collects files in the order in which they were written."""

    def __init__(self) -> None:
        self._schemes: dict[str, dict[str, Directory]] = {}

    def add(self, scheme: str, path: str, *, executable: bool, size: int, hash_: str) -> None:
        """Note a file and the directories above it."""
        parent, _, name = path.rpartition("/")
        self._directory(scheme, parent).files.append(File(name, executable, size, hash_))

    def _directory(self, scheme: str, path: str) -> Directory:
        known = self._schemes.setdefault(scheme, {})
        if path not in known:
            if path:
                self._directory(scheme, path.rpartition("/")[0])
            known[path] = Directory(path, [])
        return known[path]

    def schemes(self) -> dict[str, list[Directory]]:
        """Return what was collected."""
        return {scheme: list(directories.values()) for scheme, directories in self._schemes.items()}


def write_tree(entry: Path, builder: TreeBuilder, mtime_ns: int | None, metadata: Metadata | None = None) -> None:
    """Write the manifest of the files under ``entry``."""
    content = {
        "metadata": metadata and metadata._asdict(),
        "mtime_ns": mtime_ns,
        "schemes": builder.schemes(),
    }
    (entry / MANIFEST_NAME).write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


def read_tree(entry: Path) -> Tree:
    """Read the manifest of ``entry``.

    :raises FileNotFoundError: when the cache has no such entry.
    """
    return _tree(entry, _read(entry))


def read_unpacked_wheel(entry: Path) -> UnpackedWheel:
    """Read the unpacked wheel at ``entry``, whose parent directory is named after its key.

    :raises FileNotFoundError: when the cache has no such entry.
    """
    content = _read(entry)
    metadata = content["metadata"]
    metadata["entry_points"] = [EntryPoint(*row) for row in metadata["entry_points"]]
    return UnpackedWheel(entry.parent.name, Metadata(**metadata), _tree(entry, content))


def _read(entry: Path) -> dict:  # type: ignore[type-arg]
    with open(entry / MANIFEST_NAME, "rb") as stream:
        content: dict = json.loads(stream.read())  # type: ignore[type-arg]
    return content


def _tree(entry: Path, content: dict) -> Tree:  # type: ignore[type-arg]
    schemes = {
        scheme: [Directory(path, list(map(File._make, rows))) for path, rows in directories]
        for scheme, directories in content["schemes"].items()
    }
    return Tree(str(entry / TREE_NAME), schemes, content["mtime_ns"])
