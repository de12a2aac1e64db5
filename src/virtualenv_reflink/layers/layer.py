"""Layers: the site-packages of an exact set of wheels, built once and put into environments as a whole.

A layer holds what is the same in every environment. What is not (scripts, headers, data, and their rows in RECORD) is
beside it, and is put into each environment file by file.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from virtualenv_reflink.cache.manifest import (
    LAYER_NAME,
    TREE_NAME,
    Tree,
    UnpackedWheel,
    metadata_of,
    tree_of,
)
from virtualenv_reflink.cache.names import LIBRARIES, is_plain_path
from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.transaction.supplied import SuppliedWheel

if TYPE_CHECKING:
    from virtualenv_reflink.layers.mode import TreeMode


class Member(NamedTuple):
    """What of a wheel decides the content of a layer: the SHA-256 of its archive, and what is recorded of it."""

    key: str
    requested: bool
    direct_url: str | None


class Kind(NamedTuple):
    """What layers have in common that can be made of each other.

    The umask decides the modes in snapshots; ``group`` is that of their files, which become an environment's own.
    """

    mode: str
    bytecode_tag: str | None
    umask: int
    group: int | None


class Layer(NamedTuple):
    """A layer in the cache: its directory of packages, what each environment gets beside it, and what it is made of.

    ``files`` is how many files its wheels and their bytecode have.
    """

    tree: Path
    beside: list[SuppliedWheel]
    members: list[Member]
    files: int


class Outline(NamedTuple):
    """What a layer is made of: the distribution of each member, and whether no two of them hold the same file."""

    kind: Kind
    distributions: dict[Member, str]
    disjoint: bool


def kind_of(mode: "TreeMode", bytecode_tag: str | None) -> Kind:
    """Return the kind of the layers made now for a link mode and one interpreter's bytecode."""
    group = os.getegid() if mode.isolates and hasattr(os, "getegid") else None
    return Kind(mode.name, bytecode_tag, current_umask(), group)


def member_of(supplied: SuppliedWheel) -> Member:
    """Return what of a wheel decides the content of a layer."""
    return Member(supplied.wheel.key, supplied.requested, supplied.direct_url)


def layer_key(kind: Kind, members: Sequence[Member]) -> str:
    """Return the name of the layer of an exact set of wheels, in the order in which they are installed."""
    return f"{kind.mode}-{hashlib.sha256(json.dumps([kind, members]).encode()).hexdigest()}"


def inside_of(supplied: SuppliedWheel) -> SuppliedWheel:
    """Return what of a wheel belongs into a layer."""
    metadata = supplied.wheel.metadata._replace(entry_points=[], rewritten_scripts=[])
    wheel = supplied.wheel._replace(metadata=metadata, tree=_only(supplied.wheel.tree, inside=True))
    return supplied._replace(wheel=wheel, bytecode=supplied.bytecode and _only(supplied.bytecode, inside=True))


def has_beside(supplied: SuppliedWheel) -> bool:
    """Return whether each environment gets files of a wheel beside the layer, which its RECORD then lists."""
    return bool(supplied.wheel.metadata.entry_points or supplied.wheel.tree.schemes.keys() - LIBRARIES)


def write_layer(entry: Path, kind: Kind, wheels: Sequence[SuppliedWheel]) -> None:
    """Write down what the layer at ``entry`` is made of."""
    content = {
        "kind": kind,
        "members": [member_of(supplied) for supplied in wheels],
        "distributions": [supplied.distribution for supplied in wheels],
        "disjoint": are_disjoint(wheels),
        "files": number_of_files(wheels),
        "beside": [_packed(_beside_of(supplied), _cache_of(entry)) for supplied in wheels if has_beside(supplied)],
    }
    (entry / LAYER_NAME).write_text(json.dumps(content), encoding="utf-8")


def parse_layer(entry: Path, text: str) -> Layer:
    """Read the description of the layer at ``entry``.

    :raises LookupError, TypeError, ValueError: when it is not one that was written here.
    """
    content = json.loads(text)
    members = [Member(*row) for row in content["members"]]
    beside = [_unpacked(packed, _cache_of(entry)) for packed in content["beside"]]
    return Layer(entry / TREE_NAME, beside, members, content["files"])


def parse_outline(text: str) -> Outline:
    """Read what a layer is made of from its description.

    :raises LookupError, TypeError, ValueError: when it is not one that was written here.
    """
    content = json.loads(text)
    members = (Member(*row) for row in content["members"])
    distributions = dict(zip(members, content["distributions"], strict=True))
    return Outline(Kind(*content["kind"]), distributions, content["disjoint"])


def are_disjoint(wheels: Iterable[SuppliedWheel]) -> bool:
    """Return whether no two of ``wheels`` hold the same file of a layer."""
    seen: set[str] = set()
    for supplied in wheels:
        trees = [_only(tree, inside=True) for tree in supplied.trees]
        paths = {path for tree in trees for scheme in tree.schemes for path, _ in tree.files(scheme)}
        if not seen.isdisjoint(paths):
            return False
        seen |= paths
    return True


def number_of_files(wheels: Iterable[SuppliedWheel]) -> int:
    """Return how many files wheels and their bytecode have."""
    trees = (tree for supplied in wheels for tree in supplied.trees)
    return sum(directory.table.number for tree in trees for scheme in tree.schemes.values() for directory in scheme)


def _beside_of(supplied: SuppliedWheel) -> SuppliedWheel:
    wheel = supplied.wheel._replace(tree=_only(supplied.wheel.tree, inside=False))
    return supplied._replace(wheel=wheel, bytecode=supplied.bytecode and _only(supplied.bytecode, inside=False))


def _only(tree: Tree, *, inside: bool) -> Tree:
    schemes = {name: content for name, content in tree.schemes.items() if (name in LIBRARIES) == inside}
    return tree._replace(schemes=schemes)


def _cache_of(entry: Path) -> Path:
    """Return what the paths in a layer's description are relative to, so that a cache can be moved."""
    return entry.parent.parent


def _packed(supplied: SuppliedWheel, cache: Path) -> dict[str, Any]:
    wheel, bytecode = supplied.wheel, supplied.bytecode
    return {
        "key": wheel.key,
        "metadata": wheel.metadata._asdict(),
        "tree": _packed_tree(wheel.tree, cache),
        "bytecode": bytecode and _packed_tree(bytecode, cache),
        "requested": supplied.requested,
        "direct_url": supplied.direct_url,
    }


def _packed_tree(tree: Tree, cache: Path) -> dict[str, Any]:
    return {**tree._asdict(), "root": os.path.relpath(tree.root, cache)}


def _unpacked(packed: dict[str, Any], cache: Path) -> SuppliedWheel:
    wheel = UnpackedWheel(packed["key"], metadata_of(packed["metadata"]), _unpacked_tree(packed["tree"], cache))
    bytecode = packed["bytecode"] and _unpacked_tree(packed["bytecode"], cache)
    return SuppliedWheel(wheel, bytecode, packed["requested"], packed["direct_url"])


def _unpacked_tree(packed: dict[str, Any], cache: Path) -> Tree:
    root = packed["root"]
    if not is_plain_path(root):
        raise ValueError(f"{root!r} leads out of the cache")
    return tree_of(str(cache / root), packed)
