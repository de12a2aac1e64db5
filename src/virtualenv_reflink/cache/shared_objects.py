"""Which files of an unpacked wheel are shared objects: found out once, and noted."""

import json
from typing import NamedTuple

from virtualenv_reflink.cache.file_table import FileTable
from virtualenv_reflink.cache.manifest import Directory, Tree, UnpackedWheel
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.filesystem.shared_objects import is_shared_object

_KIND = "shared-objects"

_Names = dict[str, dict[str, list[str]]]


class Parts(NamedTuple):
    """The files of a wheel in two: its shared objects, None where it has none, and all others."""

    shared_objects: Tree | None
    others: Tree


def parts_of(store: Store, unpacked: UnpackedWheel) -> Parts:
    """Return the files of a wheel in two; the first time, all of them are looked into.

    :raises SourceError: when one cannot be read.
    """
    names = store.read_note(_KIND, unpacked.key, _parse)
    if names is None:
        names = _found(unpacked.tree)
        store.write_note(_KIND, unpacked.key, json.dumps(names))
    return _parted(unpacked.tree, names) if names else Parts(None, unpacked.tree)


def _found(tree: Tree) -> _Names:
    """Return the names of the shared objects, by scheme and directory."""
    found: _Names = {}
    for scheme, directories in tree.schemes.items():
        for directory in directories:
            place = f"{tree.root}/{scheme}/{directory.path}"
            names = [file.name for file in directory.files if file.size and is_shared_object(f"{place}/{file.name}")]
            if names:
                found.setdefault(scheme, {})[directory.path] = names
    return found


def _parted(tree: Tree, names: _Names) -> Parts:
    named: dict[str, list[Directory]] = {}
    others: dict[str, list[Directory]] = {}
    for scheme, directories in tree.schemes.items():
        inside = names.get(scheme, {})
        named[scheme] = [
            Directory(path, FileTable.of([file for file in table.files() if file.name in inside[path]]))
            for path, table in directories
            if path in inside
        ]
        others[scheme] = [
            Directory(path, table.without(frozenset(inside.get(path, ())))) for path, table in directories
        ]
    return Parts(tree._replace(schemes=named), tree._replace(schemes=others))


def _parse(text: str) -> _Names:
    return {
        str(scheme): {str(path): [str(name) for name in names] for path, names in directories.items()}
        for scheme, directories in json.loads(text).items()
    }
