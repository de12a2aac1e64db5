"""What an unpacked wheel consists of, so that putting it in place needs no walk and no stat."""

import errno
import json
import os
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any, NamedTuple

from virtualenv_reflink.cache.file_table import File, FileTable, are_whole
from virtualenv_reflink.cache.modes import SMALL_FILE
from virtualenv_reflink.cache.names import LIBRARIES, SCHEMES, is_plain_name, is_plain_path, leads_elsewhere

MANIFEST_NAME = "manifest.json"
LAYER_NAME = "layer.json"
"""The file that describes a layer; like a wheel's manifest, it is what makes a directory an entry."""
TREE_NAME = "tree"

# What reading a manifest raises that is not what was written.
_DAMAGE = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


class Directory(NamedTuple):
    """A directory of a scheme, as a ``/``-separated path ("" is the scheme's own), and the files in it."""

    path: str
    table: FileTable

    @property
    def files(self) -> list[File]:
        """The files one by one."""
        return self.table.files()

    def without(self, paths: Set[str]) -> FileTable:
        """Return the files but those at some paths, which are relative to the scheme."""
        if not paths:
            return self.table
        return self.table.without({name for name in self.table.each_name() if self.path_of(name) in paths})

    def path_of(self, name: str) -> str:
        """Return the path of a file of that name, relative to the scheme."""
        return f"{self.path}/{name}" if self.path else name


class Tree(NamedTuple):
    """Files in install layout under ``root``, by scheme; directories come before what is in them."""

    root: str
    schemes: dict[str, list[Directory]]
    mtime_ns: int | None

    def files(self, scheme: str) -> Iterator[tuple[str, File]]:
        """Yield every file of a scheme with its path relative to that scheme."""
        for directory in self.schemes.get(scheme, ()):
            for file in directory.files:
                yield directory.path_of(file.name), file


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
    """What installing needs to know of a wheel beside its files.

    ``warnings`` are sentences about what was wrong with it, and was put right when it was unpacked.
    """

    wheel: str
    distribution: str
    version: str
    dist_info: str
    root_scheme: str
    requires_python: str | None
    requires_dist: list[str]
    entry_points: list[EntryPoint]
    rewritten_scripts: list[str]
    warnings: list[str]


class UnpackedWheel(NamedTuple):
    """A wheel in the cache; ``key`` is the SHA-256 of its archive."""

    key: str
    metadata: Metadata
    tree: Tree


class TreeBuilder:
    """Collects files in the order in which they were written."""

    def __init__(self) -> None:
        self._schemes: dict[str, dict[str, list[File]]] = {}

    def add(self, scheme: str, path: str, *, executable: bool, size: int, hash_: str) -> None:
        """Note a file and the directories above it."""
        parent, _, name = path.rpartition("/")
        self._directory(scheme, parent).append(File(name, executable, size, hash_))

    def _directory(self, scheme: str, path: str) -> list[File]:
        known = self._schemes.setdefault(scheme, {})
        if path not in known:
            if path:
                self._directory(scheme, path.rpartition("/")[0])
            known[path] = []
        return known[path]

    def schemes(self) -> dict[str, list[Directory]]:
        """Return what was collected."""
        return {
            scheme: [Directory(path, FileTable.of(files)) for path, files in directories.items()]
            for scheme, directories in self._schemes.items()
        }


def write_tree(entry: Path, builder: TreeBuilder, mtime_ns: int | None, metadata: Metadata | None = None) -> None:
    """Write the manifest of the files under ``entry``."""
    content = {
        "metadata": metadata and metadata._asdict(),
        "mtime_ns": mtime_ns,
        "schemes": builder.schemes(),
    }
    write_manifest(entry, json.dumps(content, separators=(",", ":")).encode())


def write_manifest(entry: Path, content: bytes) -> None:
    """Write ``content`` as the manifest of what is under ``entry``.

    :raises OSError: when it cannot be written.
    """
    with open(entry / MANIFEST_NAME, "xb", opener=lambda path, flags: os.open(path, flags, SMALL_FILE)) as stream:
        stream.write(content)


class DamagedError(ValueError):
    """A manifest is cut short, of another shape, or names what no wheel may hold."""


def read_tree(entry: Path) -> Tree:
    """Read the manifest of ``entry``.

    :raises FileNotFoundError: when the cache has no such entry.
    :raises DamagedError: when it is not one that was written here.
    """
    return _read(entry)[0]


def read_unpacked_wheel(entry: Path) -> UnpackedWheel:
    """Read the unpacked wheel at ``entry``, whose parent directory is named after its key.

    :raises FileNotFoundError: when the cache has no such entry.
    :raises DamagedError: when it is not one that was written here.
    """
    tree, content = _read(entry)
    try:
        return UnpackedWheel(entry.parent.name, metadata_of(content["metadata"]), tree)
    except _DAMAGE as error:
        raise DamagedError(f"the manifest of {entry} is damaged ({error})") from error


def tree_of(root: str, content: dict[str, Any]) -> Tree:
    """Return the tree at ``root`` that is described by ``content``, and held to the rules for wheels.

    :raises DamagedError: when it names a place outside of ``root``.
    :raises LookupError, TypeError, ValueError: when it has another shape.
    """
    tree = _tree(root, content)
    _check_paths(tree)
    return tree


def metadata_of(content: dict[str, Any]) -> Metadata:
    """Return the metadata that a manifest has as ``content``, which is held to the rules for wheels.

    :raises DamagedError: when it names a place outside of an environment.
    :raises LookupError, TypeError, ValueError: when it has another shape.
    """
    metadata = Metadata(**{**content, "entry_points": [EntryPoint(*row) for row in content["entry_points"]]})
    if not (
        is_plain_name(metadata.dist_info)
        and metadata.dist_info.endswith(".dist-info")
        and metadata.root_scheme in LIBRARIES
        and is_plain_path(metadata.distribution)
        and all(map(is_plain_path, metadata.rewritten_scripts))
        and all(is_plain_name(entry_point.name) for entry_point in metadata.entry_points)
    ):
        raise DamagedError("its metadata name what no wheel may hold")
    return metadata


def _read(entry: Path) -> tuple[Tree, dict[str, Any]]:
    try:
        with open(entry / MANIFEST_NAME, "rb") as stream:
            text = stream.read()
        content = json.loads(text)
        tree = _tree(str(entry / TREE_NAME), content)
        if not _is_plain(tree, text):
            _check_paths(tree)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(entry)) from None
    except _DAMAGE as error:
        raise DamagedError(f"the manifest of {entry} is damaged ({error})") from error
    return tree, content


def _tree(root: str, content: dict[str, Any]) -> Tree:
    schemes = {
        scheme: [Directory(path, FileTable(*columns)) for path, columns in directories]
        for scheme, directories in content["schemes"].items()
    }
    if not SCHEMES.issuperset(schemes):
        raise DamagedError("it names a scheme that does not exist")
    if not are_whole(directory.table for directories in schemes.values() for directory in directories):
        raise DamagedError("it lacks something of a file")
    mtime_ns = content["mtime_ns"]
    return Tree(root, schemes, mtime_ns if mtime_ns is None else int(mtime_ns))


def _is_plain(tree: Tree, text: bytes) -> bool:
    """Return whether no path of ``tree``, read from the JSON ``text``, needs a closer look.

    A look at each of them takes longer than reading the manifest, a look at all at once a tenth of that.
    """
    begin = text.rfind(b'"schemes":')
    directories = [directory for found in tree.schemes.values() for directory in found]
    # what is no text cannot be joined, and a scheme's own directory has no path
    paths = "/".join(["", *[path for path, _ in directories if path != ""], ""])
    names = "/".join(["", *[table.names for _, table in directories if table.number], ""])
    return not (
        # without a backslash, strings in JSON have neither control characters nor backslashes
        text.find(b"\\", begin) >= 0 or any(joined != "/" and leads_elsewhere(joined) for joined in (paths, names))
    )


def _check_paths(tree: Tree) -> None:
    for scheme, directories in tree.schemes.items():
        for directory in directories:
            if directory.path != "" and not is_plain_path(directory.path):
                raise DamagedError(f"it names the directory {directory.path!r}")
        for path, _ in tree.files(scheme):
            if not is_plain_path(path):
                raise DamagedError(f"it names the file {path!r}")
