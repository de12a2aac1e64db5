"""A layer into a new environment as a btrfs snapshot: all of site-packages at once."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.record import text_of
from virtualenv_reflink.errors import InstallError, LinkModeError
from virtualenv_reflink.filesystem.subvolume import delete_subvolume, is_subvolume, snapshot
from virtualenv_reflink.layers.layer import Layer
from virtualenv_reflink.placing.linking import Linker
from virtualenv_reflink.transaction.install import Completed, complete

_NEW = ".virtualenv-reflink-new"
_OLD = ".virtualenv-reflink-old"


def install_snapshot(layer: Layer, environment: Environment, linker: Linker) -> None:
    """Make a snapshot of ``layer`` the environment's site-packages, with what its creator had put there.

    When it fails the environment is as it was before.

    :raises LinkModeError: when the cache and the environment are not on one btrfs.
    :raises InstallError: when a file is in the way or the disk is full.
    """
    library = str(environment.purelib)
    new, old = library + _NEW, library + _OLD
    _remove(new)
    _check_names(layer, environment)
    os.makedirs(library, exist_ok=True)
    _snapshot(layer, new)
    try:
        _copy_entries(library, new)
        os.rename(library, old)
        try:
            os.rename(new, library)
            complete(layer.rest, environment, linker, lambda completed: _extend_records(completed, environment))
        except BaseException:
            with suppress(FileNotFoundError):
                os.rename(library, new)
            os.rename(old, library)
            raise
    except OSError as error:
        raise InstallError(f"nothing was installed into {environment.root}: {error.strerror or error}") from error
    finally:
        _remove(new)
    _remove(old)


def delete_snapshots(environment: Path) -> None:
    """Delete those site-packages of an environment that are subvolumes, at once, where the mount allows that."""
    for library in environment.glob("lib/python*/site-packages"):
        if is_subvolume(str(library)):
            with suppress(OSError):
                delete_subvolume(str(library))


def _extend_records(completed: Sequence[Completed], environment: Environment) -> None:
    """Append rows where the order of pip would have them first, so that all the data before stays shared."""
    for item, rows in completed:
        with open(environment.purelib / item.wheel.metadata.dist_info / "RECORD", "ab") as stream:
            stream.write(text_of(rows))


def _snapshot(layer: Layer, target: str) -> None:
    try:
        snapshot(str(layer.tree), target)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}:
            raise InstallError(f"there can be no snapshot at {target}: {error.strerror}") from error
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
    for entry in os.scandir(source):
        place = os.path.join(target, entry.name)
        if entry.is_dir(follow_symlinks=False):
            shutil.copytree(entry.path, place, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(entry.path, place, follow_symlinks=False)


def _remove(path: str) -> None:
    """Delete a snapshot or a directory, at once where the mount allows that."""
    if os.path.lexists(path):
        with suppress(OSError):
            if delete_subvolume(path):
                return
        shutil.rmtree(path, ignore_errors=True)
