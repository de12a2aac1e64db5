"""Build a layer from unpacked wheels, without copying their data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import TREE_NAME
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.filesystem.probe import filesystem_name
from virtualenv_reflink.filesystem.subvolume import create_subvolume, seal_subvolume, snapshot
from virtualenv_reflink.layers.layer import (
    Kind,
    Member,
    are_disjoint,
    has_rest,
    library_of,
    member_of,
    read_outline,
    write_layer,
)
from virtualenv_reflink.placing.linking import Linker
from virtualenv_reflink.transaction.install import install
from virtualenv_reflink.transaction.journal import Journal
from virtualenv_reflink.transaction.remove import remove_installed
from virtualenv_reflink.transaction.supplied import Item

Fill = Callable[[Path], None]


def layer_maker(kind: Kind, items: Sequence[Item], environment: Environment, known: Iterable[Path]) -> Fill:
    """Return what makes the layer of ``items`` in an empty directory, of one of the ``known`` layers if that helps.

    :raises LinkModeError: (when called) where a snapshot is asked for and there are no subvolumes.
    """
    if kind.mode == "snapshot":
        return _sealed_layer(kind, items, environment, known)
    return linked_layer(kind, items, environment)


def linked_layer(kind: Kind, items: Sequence[Item], environment: Environment) -> Fill:
    """Return what makes the layer of ``items`` in an empty directory, of hard links to their files, all read-only."""

    def fill(entry: Path) -> None:
        tree = entry / TREE_NAME
        tree.mkdir()
        _merge(items, environment, tree, Linker("hardlink"))
        _make_read_only(tree, items)
        write_layer(entry, kind, items)

    return fill


def _make_read_only(tree: Path, items: Sequence[Item]) -> None:
    """Let nobody write what is in a layer; only beside a wheel's metadata are there files that are no links."""
    for item in items:
        for path in (tree / item.wheel.metadata.dist_info).iterdir():
            if path.is_file() and path.stat().st_mode & 0o222:
                path.chmod(0o444)
    for directory, _, _ in os.walk(tree):
        os.chmod(directory, 0o555)


def _sealed_layer(kind: Kind, items: Sequence[Item], environment: Environment, known: Iterable[Path]) -> Fill:
    """Return what makes the layer of ``items`` in an empty directory, as a sealed subvolume that shares their data.

    It begins as a snapshot of the known layer that is most like it, so that only the difference is cloned.
    """

    def fill(entry: Path) -> None:
        tree = entry / TREE_NAME
        base = _nearest(kind, items, known)
        if base is None:
            _create_subvolume(tree)
            _merge(items, environment, tree, Linker("clone"))
        else:
            snapshot(str(base.tree), str(tree))
            _adapt(base, items, environment, tree)
        _gather_records(tree, items)
        write_layer(entry, kind, items)
        seal_subvolume(str(tree))

    return fill


def _gather_records(tree: Path, items: Sequence[Item]) -> None:
    """Make anew the files that each environment extends, so that they lie side by side in the filesystem's metadata.

    A snapshot shares that metadata block by block, and has its own copy of each block in which a file was written.
    """
    for item in items:
        if has_rest(item):
            record = tree / item.wheel.metadata.dist_info / "RECORD"
            content = record.read_bytes()
            record.unlink()
            record.write_bytes(content)


class _Base(NamedTuple):
    tree: Path
    distributions: dict[Member, str]


def _nearest(kind: Kind, items: Sequence[Item], known: Iterable[Path]) -> _Base | None:
    """Return the known layer from which the one of ``items`` is made with the least change, or None.

    Where two wheels hold the same file the order of installation decides, so such a layer begins from nothing.
    """
    if not are_disjoint(items):
        return None
    wanted = {member_of(item) for item in items}
    least, nearest = len(wanted), None
    for entry in known:
        outline = read_outline(entry)
        difference = len(outline.distributions.keys() ^ wanted)
        if outline.kind == kind and outline.disjoint and difference < least:
            least, nearest = difference, _Base(entry / TREE_NAME, outline.distributions)
    return nearest


def _adapt(base: _Base, items: Sequence[Item], environment: Environment, tree: Path) -> None:
    """Make the snapshot of ``base`` at ``tree`` hold ``items``."""
    wanted = {member_of(item) for item in items}
    unwanted = {name for member, name in base.distributions.items() if member not in wanted}
    inside = _inside(tree, environment)
    journal = Journal(inside)
    remove_installed(unwanted, inside, journal)
    journal.close()
    _merge([item for item in items if member_of(item) not in base.distributions], environment, tree, Linker("clone"))


def _create_subvolume(tree: Path) -> None:
    try:
        create_subvolume(str(tree))
    except OSError as error:
        raise LinkModeError(
            f"--link-mode snapshot is impossible here: {filesystem_name(str(tree.parent))} has no subvolumes; "
            "use --link-mode auto, or keep --wheel-cache and the environment on one btrfs"
        ) from error


def _merge(items: Sequence[Item], environment: Environment, tree: Path, linker: Linker) -> None:
    install([library_of(item) for item in items], _inside(tree, environment), linker)


def _inside(tree: Path, environment: Environment) -> Environment:
    """Return a layer's tree as an environment that is nothing but libraries."""
    return environment._replace(root=tree, purelib=tree, platlib=tree, scripts=tree, headers=tree, data=tree)
