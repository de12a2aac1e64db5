"""Find out by trying whether files can be cloned or linked from one place to another."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress

from virtualenv_reflink.filesystem.reflink import clone_file
from virtualenv_reflink.filesystem.subvolume import create_subvolume, snapshot
from virtualenv_reflink.filesystem.temporary import temporary_name

_UNKNOWN = "this filesystem"
CACHE_ELSEWHERE = "the wheel cache is on another filesystem"
"""Why files of the cache cannot be cloned or linked into an environment that is somewhere else."""
_OTHER_SUBVOLUME = "the wheel cache is on another mount or subvolume, which hard links do not reach"
_UNSUPPORTED = frozenset({errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOTTY, errno.ENOSYS})
_NO_SUBVOLUMES = _UNSUPPORTED | {errno.EINVAL}


def why_not_clone(source_file: str, target_directory: str, elsewhere: str = CACHE_ELSEWHERE) -> str | None:
    """Clone ``source_file`` into ``target_directory`` and delete it again; return why that is refused, or None.

    ``elsewhere`` is the reason where the two are on different filesystems.

    :raises OSError: when the trial fails for a reason that a copy would meet too, such as a full disk.
    """
    try:
        _try(lambda trial: clone_file(source_file, trial, 0o600, None), target_directory)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return elsewhere
        if error.errno in _UNSUPPORTED:
            return f"{filesystem_name(target_directory)} has no reflinks"
        if error.errno == errno.EINVAL:
            return "the directory refuses clones (is it NOCOW, chattr +C?)"
        if error.errno == errno.EPERM:
            return "the kernel does not permit it here"
        raise
    return None


def why_not_link(source_file: str, target_directory: str) -> str | None:
    """Hard-link ``source_file`` into ``target_directory`` and delete it again; return why that is refused, or None.

    :raises OSError: when the trial fails for a reason that a copy would meet too, such as a full disk.
    """
    try:
        _try(lambda trial: os.link(source_file, trial), target_directory)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return CACHE_ELSEWHERE if why_not_clone(source_file, target_directory) else _OTHER_SUBVOLUME
        if error.errno in _UNSUPPORTED:
            return f"{filesystem_name(target_directory)} has no hard links"
        if error.errno == errno.EPERM:
            return _why_link_is_not_permitted(source_file, target_directory)
        if error.errno == errno.EMLINK:
            return "a cached file has reached the limit of hard links"
        raise
    return None


def why_not_snapshot(source_directory: str, target_directory: str) -> str | None:
    """Make a snapshot of a new subvolume and delete both again; return why that is refused, or None.

    :raises OSError: when the trial fails for a reason that any other change would meet too, such as a full disk.
    """
    source = os.path.join(source_directory, temporary_name())
    try:
        create_subvolume(source)
    except OSError as error:
        if error.errno in _NO_SUBVOLUMES:
            return f"{filesystem_name(source_directory)} has no subvolumes"
        raise
    try:
        _try(lambda trial: snapshot(source, trial), target_directory, os.rmdir)
    except OSError as error:
        if error.errno in {errno.EXDEV, *_NO_SUBVOLUMES}:
            return "the wheel cache is on another filesystem"
        if error.errno == errno.EPERM:
            return "the kernel does not permit it here"
        raise
    finally:
        os.rmdir(source)
    return None


def filesystem_name(path: str) -> str:
    """Return the kernel's name of the filesystem that holds ``path``, or a plain phrase."""
    # only a refusal needs to name it
    from virtualenv_reflink.filesystem.mounts import mount_of

    mount = mount_of(path)
    return mount.kind if mount else _UNKNOWN


def _try(attempt: Callable[[str], None], target_directory: str, delete: Callable[[str], None] = os.unlink) -> None:
    trial = os.path.join(target_directory, temporary_name())
    try:
        attempt(trial)
    finally:
        with suppress(FileNotFoundError):
            delete(trial)


def _why_link_is_not_permitted(source_file: str, target_directory: str) -> str:
    """Tell the two cases of EPERM in link(2) apart."""
    if hasattr(os, "geteuid") and os.geteuid() not in {0, os.stat(source_file).st_uid}:
        return "only their owner may link to the files of the wheel cache (fs.protected_hardlinks)"
    return f"{filesystem_name(target_directory)} permits no hard links"
