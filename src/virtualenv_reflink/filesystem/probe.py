"""Find out by trying whether files can be cloned or linked from one place to another."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from contextlib import suppress

from virtualenv_reflink.filesystem.reflink import clone_file
from virtualenv_reflink.filesystem.temporary import temporary_name

_UNKNOWN = "this filesystem"
_UNSUPPORTED = frozenset({errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS})
_OCTAL = rb"\\([0-7]{3})"


def why_not_clone(source_file: str, target_directory: str) -> str | None:
    """Clone ``source_file`` into ``target_directory`` and delete it again; return why that is refused, or None.

    :raises OSError: when the trial fails for a reason that a copy would meet too, such as a full disk.
    """
    try:
        _try(lambda trial: clone_file(source_file, trial, 0o600, None), target_directory)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return "the wheel cache is on another filesystem"
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
            return "the wheel cache is on another filesystem"
        if error.errno in _UNSUPPORTED:
            return f"{filesystem_name(target_directory)} has no hard links"
        if error.errno == errno.EPERM:
            return _why_link_is_not_permitted(source_file, target_directory)
        if error.errno == errno.EMLINK:
            return "a cached file has reached the limit of hard links"
        raise
    return None


def filesystem_name(path: str) -> str:
    """Return the kernel's name of the filesystem that holds ``path``, see proc_pid_mountinfo(5), or a plain phrase."""
    try:
        with open("/proc/self/mountinfo", "rb") as stream:
            lines = stream.read().split(b"\n")
    except OSError:
        return _UNKNOWN
    real = os.fsencode(os.path.realpath(path))
    name, longest = _UNKNOWN, -1
    for line in filter(None, lines):
        left, _, right = line.partition(b" - ")
        mount_point = re.sub(_OCTAL, lambda code: bytes([int(code[1], 8) & 0xFF]), left.split(b" ")[4])
        inside = real == mount_point or real.startswith(mount_point.rstrip(b"/") + b"/")
        if inside and len(mount_point) >= longest:
            name, longest = right.split(b" ")[0].decode("utf-8", "replace"), len(mount_point)
    return name


def _try(attempt: Callable[[str], None], target_directory: str) -> None:
    trial = os.path.join(target_directory, temporary_name())
    try:
        attempt(trial)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(trial)


def _why_link_is_not_permitted(source_file: str, target_directory: str) -> str:
    """Tell the two cases of EPERM in link(2) apart."""
    if hasattr(os, "geteuid") and os.geteuid() not in {0, os.stat(source_file).st_uid}:
        return "only their owner may link to the files of the wheel cache (fs.protected_hardlinks)"
    return f"{filesystem_name(target_directory)} permits no hard links"
