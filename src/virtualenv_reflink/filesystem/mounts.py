"""Which filesystem holds a path, see proc_pid_mountinfo(5)."""

import os
from typing import NamedTuple

from virtualenv_reflink.filesystem.escapes import unescaped


class Mount(NamedTuple):
    """A mounted filesystem: where, of which kind, and what all mounts of the same one have in common."""

    point: str
    kind: str
    filesystem: str


def mounts() -> list[Mount]:
    """Return what is mounted, the latest last; nothing where the kernel does not tell."""
    try:
        with open("/proc/self/mountinfo", "rb") as stream:
            lines = stream.read().split(b"\n")
    except OSError:
        return []
    return [_mount(line) for line in lines if line]


def mount_of(path: str, mounted: list[Mount] | None = None) -> Mount | None:
    """Return the mount that holds ``path``, of those that :func:`mounts` returned, or None."""
    real = os.path.realpath(path)
    found: Mount | None = None
    for mount in mounts() if mounted is None else mounted:
        inside = real == mount.point or real.startswith(mount.point.rstrip("/") + "/")
        if inside and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def _mount(line: bytes) -> Mount:
    left, _, right = line.partition(b" - ")
    fields = left.split(b" ")
    return Mount(unescaped(fields[4]), right.split(b" ")[0].decode("utf-8", "replace"), fields[2].decode("ascii"))
