"""Find out by trying whether files can be cloned or linked from one place to another."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.filesystem.reflink import clone_file


def why_not_clone(source_file: str, target_directory: str) -> str | None:
    """Clone ``source_file`` into ``target_directory`` and delete it again; return why that is refused, or None.

    :raises OSError: when the trial fails for a reason that a copy would meet too, such as a full disk.
    """
    return _why_not(lambda trial: clone_file(source_file, trial, 0o600, None), target_directory)


def why_not_link(source_file: str, target_directory: str) -> str | None:
    """Hard-link ``source_file`` into ``target_directory`` and delete it again; return why that is refused, or None."""
    return _why_not(lambda trial: os.link(source_file, trial), target_directory)


def filesystem_name(path: str) -> str:
    """Return the kernel's name of the filesystem that holds ``path``, see proc_pid_mountinfo(5), or a plain phrase."""
    mounts = Path("/proc/self/mountinfo")
    if not mounts.exists():
        return "this filesystem"
    real = os.path.realpath(path)
    name, longest = "this filesystem", -1
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        left, _, right = line.partition(" - ")
        mount_point = left.split()[4].encode().decode("unicode_escape")
        inside = real == mount_point or real.startswith(mount_point.rstrip("/") + "/")
        if inside and len(mount_point) >= longest:
            name, longest = right.split()[0], len(mount_point)
    return name


def _why_not(attempt: Callable[[str], None], target_directory: str) -> str | None:
    trial = os.path.join(target_directory, f".probe-{os.getpid()}")
    try:
        attempt(trial)
    except OSError as error:
        reason = _reason(error.errno, target_directory)
        if reason is None:
            raise
        return reason
    finally:
        with suppress(FileNotFoundError):
            os.unlink(trial)
    return None


def _reason(code: int | None, target_directory: str) -> str | None:
    if code == errno.EXDEV:
        return "the wheel cache is on another filesystem"
    if code in {errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS}:
        return f"{filesystem_name(target_directory)} has no reflinks"
    if code == errno.EINVAL:
        return "the directory refuses clones (is it NOCOW, chattr +C?)"
    if code == errno.EPERM:
        return "the kernel does not permit it here"
    if code == errno.EMLINK:
        return "a cached file has reached the limit of hard links"
    return None
