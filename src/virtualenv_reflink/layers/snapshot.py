"""A layer into a new environment as a btrfs snapshot: all of site-packages at once."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.record import Row, text_of
from virtualenv_reflink.errors import InstallError, LinkModeError
from virtualenv_reflink.filesystem.inheritance import disinherit, inherited_from
from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.filesystem.probe import filesystem_name
from virtualenv_reflink.filesystem.source import source_error
from virtualenv_reflink.filesystem.subvolume import (
    create_subvolume,
    last_change,
    seal_subvolume,
    snapshot,
)
from virtualenv_reflink.layers.layer import Layer, has_beside
from virtualenv_reflink.layers.mode import TreeMode
from virtualenv_reflink.layers.stamps import Origin
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.transaction.errors import explained
from virtualenv_reflink.transaction.install import install_beside_layer, named
from virtualenv_reflink.transaction.steps import Steps
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import Transaction

_NEW = ".virtualenv-reflink-new"
_IMPOSSIBLE = frozenset({errno.EXDEV, errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM})


class Snapshot(TreeMode):
    """``snapshot``."""

    name = "snapshot"
    how = "the whole site-packages at once, as a snapshot of a subvolume"
    where = "btrfs, with the cache on the same filesystem"
    isolates = True
    shares_inodes = False
    built_with = (Clone,)
    beside = (Clone, Copy)
    extends = True
    depends = False
    putting_commits = True

    def why_not(self, environment: Environment) -> str | None:
        """Return why a layer cannot become the packages of an environment; files in a snapshot inherit nothing."""
        reason = super().why_not(environment)
        if reason:
            return reason
        inherited = inherited_from(str(environment.purelib))
        return inherited and f"a snapshot would not inherit the {inherited} of the directory"

    def begin(self, tree: str, base: str | None) -> None:
        """Make a subvolume, or a snapshot of the subvolume ``base``."""
        if base is not None:
            snapshot(base, tree)
            return
        try:
            create_subvolume(tree)
        except OSError as error:
            if error.errno not in _IMPOSSIBLE:
                raise
            raise LinkModeError(
                f"--link-mode snapshot is impossible here: {filesystem_name(os.path.dirname(tree))} has no subvolumes; "
                "use --link-mode auto, or keep --wheel-cache and the environment on one btrfs"
            ) from error
        disinherit(tree, 0o777 & ~current_umask())

    def complete(self, tree: Path, wheels: Sequence[SuppliedWheel], environment: Environment) -> None:  # noqa: ARG002
        """Write the files again that each environment extends, so that they lie side by side in the metadata.

        A snapshot shares that metadata block by block, and has its own copy of each block in which a file was written.
        """
        for supplied in filter(has_beside, wheels):
            record = tree / supplied.dist_info / "RECORD"
            content = record.read_bytes()
            record.unlink()
            record.write_bytes(content)

    def seal(self, tree: str) -> None:
        """Make the subvolume read-only, for root too."""
        seal_subvolume(tree)

    def stamp(self, tree: str, origins: Mapping[str, Origin]) -> str:  # noqa: ARG002
        """Return the last change of the subvolume."""
        return last_change(tree)

    def is_unchanged(self, tree: str, stamp: str, proven_ns: Callable[[str], int]) -> bool:  # noqa: ARG002
        """Return whether the subvolume has not been changed."""
        try:
            return last_change(tree) == stamp
        except OSError:
            return False

    def suspects(self, tree: str, stamp: str, proven_ns: Callable[[str], int]) -> frozenset[str] | None:  # noqa: ARG002
        """Return None."""
        return None

    def put(self, layer: Layer, environment: Environment, change: Transaction, placer: Placer) -> None:
        """Make a snapshot of ``layer`` the environment's site-packages, with what its creator had put there.

        It is made beside the old one, and takes its place when all is done.
        """
        library = str(environment.purelib)
        new = library + _NEW
        with explained(named(layer.beside), environment):
            _check_names(layer, environment)
            change.will(Steps(trees=[new], replace=[(new, library, f"{change.place_for(library)}/site-packages")]))
            _snapshot(layer, new)
            _copy_entries(library, new)
            rows = install_beside_layer(layer.beside, environment, placer, change)
            _extend_records(rows, new)


def _snapshot(layer: Layer, target: str) -> None:
    try:
        snapshot(str(layer.tree), target)
    except OSError as error:
        if not layer.tree.is_dir():
            raise source_error(error, str(layer.tree)) from error
        if error.errno not in _IMPOSSIBLE:
            raise
        raise LinkModeError(
            "--link-mode snapshot is impossible here: the environment is not on the btrfs of the wheel cache; "
            "use --link-mode auto, or set --wheel-cache"
        ) from error


def _check_names(layer: Layer, environment: Environment) -> None:
    """Refuse what would hide a file that is there."""
    with suppress(FileNotFoundError):
        for name in set(os.listdir(environment.purelib)) & set(os.listdir(layer.tree)) - {"__pycache__"}:
            raise InstallError(
                f"{environment.purelib / name} is there already and belongs to no installed package; "
                "move it away or use an empty environment"
            )


def _copy_entries(source: str, target: str) -> None:
    """Copy what the creator of an environment has put into its site-packages: a few small files."""
    if not os.path.isdir(source):
        return
    for entry in os.scandir(source):
        place = os.path.join(target, entry.name)
        if entry.is_dir(follow_symlinks=False):
            shutil.copytree(entry.path, place, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(entry.path, place, follow_symlinks=False)


def _extend_records(rows: Iterable[tuple[SuppliedWheel, list[Row]]], library: str) -> None:
    """Append rows where the order of pip would have them first, so that all the data before stays shared."""
    for supplied, of_wheel in rows:
        with open(f"{library}/{supplied.dist_info}/RECORD", "ab") as stream:
            stream.write(text_of(of_wheel))
