"""Layers as one kind of what a cache holds, beside the wheels that they are made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from packaging.utils import canonicalize_name

from virtualenv_reflink.cache.damage import Damage, why_damaged
from virtualenv_reflink.cache.disk_usage import Inodes, bytes_on_disk
from virtualenv_reflink.cache.kinds import BYTECODE, WHEELS, Description, EntryKind, bytecode_place, wheel_place
from virtualenv_reflink.cache.manifest import LAYER_NAME, TREE_NAME, DamagedError, Tree, read_tree, read_unpacked_wheel
from virtualenv_reflink.cache.small_files import read_small
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.filesystem.extents import disk_bytes, extents_of_all
from virtualenv_reflink.filesystem.subvolume import is_subvolume
from virtualenv_reflink.layers.integrity import generated_as_built, sources_of
from virtualenv_reflink.layers.layer import Member, Outline, parse_outline
from virtualenv_reflink.transaction.supplied import SuppliedWheel


def _describe(store: Store, place: str) -> Description | None:
    outline = _outline(store, place)
    if outline is None:
        return None
    tag, distributions = outline.kind.bytecode_tag, outline.distributions
    needs = {wheel_place(member.key) for member in distributions}
    if tag is not None:
        needs |= {bytecode_place(member.key, tag) for member in distributions}
    projects = frozenset(map(canonicalize_name, distributions.values()))
    return Description(place.rpartition("/")[2], projects, frozenset(needs))


def _damage(store: Store, place: str) -> Iterator[Damage]:
    """Compare a layer with the wheels it was built of.

    Where the cache has lost one of them, or has other bytecode of it than the layer, nothing can be told.
    """
    outline = _outline(store, place)
    if outline is None:
        raise DamagedError(f"the description of {place} is damaged")
    wheels = [_wheel(store, member, outline.kind.bytecode_tag) for member in outline.distributions]
    layer = store.path(place)
    bytecode = {supplied.bytecode.root for supplied in wheels if supplied.bytecode}
    for path, source in sources_of(wheels).items():
        file = str(layer / TREE_NAME / path)
        reason = why_damaged(file, source.file)
        if reason and not (source.tree.root in bytecode and _is_of_another_time(file, source.tree)):
            yield Damage(path, reason)
    if not generated_as_built(layer, store, wheels):
        yield Damage("what was generated for it", "it was changed, or there are files of others")


def _is_of_another_time(file: str, tree: Tree) -> bool:
    """Return whether a file is not from ``tree`` but from one that was there before.

    Bytecode that is compiled again is for sources with another time, and differs from what it was.
    """
    with suppress(OSError):
        return os.lstat(file).st_mtime_ns != tree.mtime_ns
    return False


def _wheel(store: Store, member: Member, bytecode_tag: str | None) -> SuppliedWheel:
    wheel = read_unpacked_wheel(store.path(wheel_place(member.key)))
    bytecode = None if bytecode_tag is None else read_tree(store.path(bytecode_place(member.key, bytecode_tag)))
    return SuppliedWheel(wheel, bytecode, member.requested, member.direct_url)


def _outline(store: Store, place: str) -> Outline | None:
    return read_small(store.path(place, LAYER_NAME), parse_outline)


def _bytes(layer: Path, seen: Inodes) -> int:
    """Return what a layer takes beside its wheels: a snapshot shares their data, any other layer their files."""
    tree = str(layer / TREE_NAME)
    if not is_subvolume(tree):
        return bytes_on_disk([layer], seen)
    files = (f"{directory}/{name}" for directory, _, names in os.walk(tree) for name in names)
    return sum(disk_bytes(found).alone for found in extents_of_all(files) if found)


LAYERS = EntryKind("layers", "layers", "layers/*", LAYER_NAME, _describe, _damage, _bytes)
ENTRIES = (WHEELS, BYTECODE, LAYERS)
"""All kinds of entries; what depends on others comes behind them."""
