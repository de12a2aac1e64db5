"""Layers: the merged site-packages of an exact set of wheels, built once and put into environments as a whole.

A layer holds what is the same in every environment. What is not (scripts, headers, data, and their rows in RECORD) is
the rest of its items, and is put into each environment file by file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import TREE_NAME, Directory, EntryPoint, File, Metadata, Tree, UnpackedWheel
from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.filesystem.probe import filesystem_name
from virtualenv_reflink.filesystem.reflink import current_umask
from virtualenv_reflink.filesystem.subvolume import create_subvolume, seal_subvolume
from virtualenv_reflink.install.environment import Environment
from virtualenv_reflink.install.installation import Item, install
from virtualenv_reflink.install.linking import Linker

_LIBRARIES = frozenset({"purelib", "platlib"})
_CONTENT = "layer.json"


class Member(NamedTuple):
    """What of a wheel decides the content of a layer: the SHA-256 of its archive, and what is recorded of it."""

    key: str
    requested: bool
    direct_url: str | None


class Layer(NamedTuple):
    """A layer in the cache: its directory of packages, what each environment gets beside it, and what it is made of."""

    tree: Path
    rest: list[Item]
    members: list[Member]


def layer_key(mode: str, members: Sequence[Member], bytecode_tag: str | None) -> str:
    """Return the name of the layer of an exact set of wheels for a link mode and one interpreter's bytecode.

    Snapshots have the modes of the present umask, so that decides too.
    """
    inputs = [mode, bytecode_tag, current_umask(), sorted(members, key=repr)]
    return f"{mode}-{hashlib.sha256(json.dumps(inputs).encode()).hexdigest()}"


def layer_maker(mode: str, items: Sequence[Item], environment: Environment) -> Callable[[Path], None]:
    """Return what makes the layer of ``items`` for a link mode in an empty directory."""
    return sealed_layer(items, environment) if mode == "snapshot" else linked_layer(items, environment)


def sealed_layer(items: Sequence[Item], environment: Environment) -> Callable[[Path], None]:
    """Return what makes the layer of ``items`` in an empty directory, as a sealed subvolume that shares their data.

    :raises LinkModeError: (when called) where there are no subvolumes.
    """

    def fill(entry: Path) -> None:
        _create_subvolume(entry / TREE_NAME)
        _merge(items, environment, entry, Linker("clone"))
        seal_subvolume(str(entry / TREE_NAME))

    return fill


def linked_layer(items: Sequence[Item], environment: Environment) -> Callable[[Path], None]:
    """Return what makes the layer of ``items`` in an empty directory, of hard links to their files, all read-only."""

    def fill(entry: Path) -> None:
        (entry / TREE_NAME).mkdir()
        _merge(items, environment, entry, Linker("hardlink"))
        for directory, _, files in os.walk(entry / TREE_NAME):
            for name in files:
                if os.stat(f"{directory}/{name}").st_mode & 0o222:
                    os.chmod(f"{directory}/{name}", 0o444)
            os.chmod(directory, 0o555)

    return fill


def read_layer(entry: Path) -> Layer:
    """Read a layer of the cache."""
    content = json.loads((entry / _CONTENT).read_bytes())
    members = [Member(*row) for row in content["members"]]
    return Layer(entry / TREE_NAME, [_unpacked(packed) for packed in content["rest"]], members)


def _create_subvolume(tree: Path) -> None:
    try:
        create_subvolume(str(tree))
    except OSError as error:
        raise LinkModeError(
            f"--link-mode snapshot is impossible here: {filesystem_name(str(tree.parent))} has no subvolumes; "
            "use --link-mode auto, or keep --wheel-cache and the environment on one btrfs"
        ) from error


def _merge(items: Sequence[Item], environment: Environment, entry: Path, linker: Linker) -> None:
    tree = entry / TREE_NAME
    inside = environment._replace(root=tree, purelib=tree, platlib=tree, scripts=tree, headers=tree, data=tree)
    install([_library_of(item) for item in items], inside, linker)
    members = [Member(item.wheel.key, item.requested, item.direct_url) for item in items]
    rest = [_packed(_rest_of(item)) for item in items if _has_rest(item)]
    (entry / _CONTENT).write_text(json.dumps({"members": members, "rest": rest}), encoding="utf-8")


def _library_of(item: Item) -> Item:
    metadata = item.wheel.metadata._replace(entry_points=[], rewritten_scripts=[])
    wheel = item.wheel._replace(metadata=metadata, tree=_only(item.wheel.tree, inside=True))
    return item._replace(wheel=wheel, bytecode=item.bytecode and _only(item.bytecode, inside=True))


def _rest_of(item: Item) -> Item:
    wheel = item.wheel._replace(tree=_only(item.wheel.tree, inside=False))
    return item._replace(wheel=wheel, bytecode=item.bytecode and _only(item.bytecode, inside=False))


def _has_rest(item: Item) -> bool:
    return bool(item.wheel.metadata.entry_points or item.wheel.tree.schemes.keys() - _LIBRARIES)


def _only(tree: Tree, *, inside: bool) -> Tree:
    schemes = {name: content for name, content in tree.schemes.items() if (name in _LIBRARIES) == inside}
    return tree._replace(schemes=schemes)


def _packed(item: Item) -> dict[str, object]:
    return {**item._asdict(), "aliases": dict(item.aliases)}


def _unpacked(packed: dict) -> Item:  # type: ignore[type-arg]
    key, metadata, tree = packed["wheel"]
    fields = dict(zip(Metadata._fields, metadata, strict=True))
    fields["entry_points"] = [EntryPoint(*row) for row in fields["entry_points"]]
    wheel = UnpackedWheel(key, Metadata(**fields), _tree(tree))
    bytecode = packed["bytecode"] and _tree(packed["bytecode"])
    return Item(wheel, bytecode, packed["requested"], packed["direct_url"], packed["aliases"])


def _tree(packed: list) -> Tree:  # type: ignore[type-arg]
    root, schemes, mtime_ns = packed
    found = {
        name: [Directory(path, list(map(File._make, rows))) for path, rows in directories]
        for name, directories in schemes.items()
    }
    return Tree(root, found, mtime_ns)
