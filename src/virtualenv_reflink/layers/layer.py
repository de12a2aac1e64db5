"""Layers: the site-packages of an exact set of wheels, built once and put into environments as a whole.

A layer holds what is the same in every environment. What is not (scripts, headers, data, and their rows in RECORD) is
the rest of its items, and is put into each environment file by file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import (
    LAYER_NAME,
    TREE_NAME,
    Directory,
    EntryPoint,
    File,
    Metadata,
    Tree,
    UnpackedWheel,
)
from virtualenv_reflink.filesystem.umask import current_umask
from virtualenv_reflink.transaction.supplied import Item

_LIBRARIES = frozenset({"purelib", "platlib"})


class Member(NamedTuple):
    """What of a wheel decides the content of a layer: the SHA-256 of its archive, and what is recorded of it."""

    key: str
    requested: bool
    direct_url: str | None


class Kind(NamedTuple):
    """What layers have in common that can be made of each other; the umask decides the modes in snapshots."""

    mode: str
    bytecode_tag: str | None
    umask: int


class Layer(NamedTuple):
    """A layer in the cache: its directory of packages, what each environment gets beside it, and what it is made of."""

    tree: Path
    rest: list[Item]
    members: list[Member]


class Outline(NamedTuple):
    """What a layer is made of: the distribution of each member, and whether no two of them hold the same file."""

    kind: Kind
    distributions: dict[Member, str]
    disjoint: bool


def kind_of(mode: str, bytecode_tag: str | None) -> Kind:
    """Return the kind of the layers made now for a link mode and one interpreter's bytecode."""
    return Kind(mode, bytecode_tag, current_umask())


def member_of(item: Item) -> Member:
    """Return what of ``item`` decides the content of a layer."""
    return Member(item.wheel.key, item.requested, item.direct_url)


def layer_key(kind: Kind, members: Sequence[Member]) -> str:
    """Return the name of the layer of an exact set of wheels."""
    inputs = [kind, sorted(members, key=repr)]
    return f"{kind.mode}-{hashlib.sha256(json.dumps(inputs).encode()).hexdigest()}"


def library_of(item: Item) -> Item:
    """Return what of ``item`` belongs into a layer."""
    metadata = item.wheel.metadata._replace(entry_points=[], rewritten_scripts=[])
    wheel = item.wheel._replace(metadata=metadata, tree=_only(item.wheel.tree, inside=True))
    return item._replace(wheel=wheel, bytecode=item.bytecode and _only(item.bytecode, inside=True))


def write_layer(entry: Path, kind: Kind, items: Sequence[Item]) -> None:
    """Write down what the layer at ``entry`` is made of."""
    content = {
        "kind": kind,
        "members": [member_of(item) for item in items],
        "distributions": [item.wheel.metadata.distribution for item in items],
        "disjoint": are_disjoint(items),
        "rest": [_packed(_rest_of(item)) for item in items if has_rest(item)],
    }
    (entry / LAYER_NAME).write_text(json.dumps(content), encoding="utf-8")


def read_layer(entry: Path) -> Layer:
    """Read a layer of the cache."""
    content = json.loads((entry / LAYER_NAME).read_bytes())
    members = [Member(*row) for row in content["members"]]
    return Layer(entry / TREE_NAME, [_unpacked(packed) for packed in content["rest"]], members)


def read_outline(entry: Path) -> Outline:
    """Read what a layer of the cache is made of."""
    content = json.loads((entry / LAYER_NAME).read_bytes())
    members = (Member(*row) for row in content["members"])
    distributions = dict(zip(members, content["distributions"], strict=True))
    return Outline(Kind(*content["kind"]), distributions, content["disjoint"])


def are_disjoint(items: Iterable[Item]) -> bool:
    """Return whether no two of ``items`` hold the same file of a layer."""
    seen: set[str] = set()
    for item in items:
        trees = [_only(tree, inside=True) for tree in (item.wheel.tree, item.bytecode) if tree]
        paths = {path for tree in trees for scheme in tree.schemes for path, _ in tree.files(scheme)}
        if not seen.isdisjoint(paths):
            return False
        seen |= paths
    return True


def _rest_of(item: Item) -> Item:
    wheel = item.wheel._replace(tree=_only(item.wheel.tree, inside=False))
    return item._replace(wheel=wheel, bytecode=item.bytecode and _only(item.bytecode, inside=False))


def has_rest(item: Item) -> bool:
    """Return whether each environment gets files of ``item`` beside the layer, which its RECORD then lists."""
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
