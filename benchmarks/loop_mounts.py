"""Real filesystems in files: made, mounted, and taken away again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAKERS = {
    "btrfs": ["mkfs.btrfs", "--quiet", "--force"],
    "xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"],
    "ext4": ["mkfs.ext4", "-q", "-F"],
}


def why_no_mounts(filesystem: str) -> str | None:
    """Say what this machine lacks to mount ``filesystem``, or None."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "only root can mount"
    if filesystem != "tmpfs" and not shutil.which(MAKERS[filesystem][0]):
        return f"{MAKERS[filesystem][0]} is not installed"
    if filesystem != "tmpfs" and not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    return None


@contextmanager
def loop_mount(filesystem: str, mebibytes: int, options: str = "") -> Iterator[Path]:
    """Mount a new filesystem of that size somewhere temporary; unmount and delete it in the end."""
    with tempfile.TemporaryDirectory(prefix=f"{filesystem}-") as directory:
        place = Path(directory, "mnt")
        place.mkdir()
        try:
            _mount(filesystem, Path(directory, "image"), mebibytes, place, options)
            yield place
        finally:
            # an interrupt may have come before the kernel mounted it; one that has failed looks like none
            subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)


def _mount(filesystem: str, image: Path, mebibytes: int, place: Path, options: str) -> None:
    more = f",{options}" if options else ""
    if filesystem == "tmpfs":
        _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m{more}", "tmpfs", str(place))
        return
    with image.open("wb") as stream:
        stream.truncate(mebibytes << 20)
    _run(*MAKERS[filesystem], str(image))
    _run("mount", "-o", f"loop{more}", str(image), str(place))


def used_bytes(place: Path) -> int:
    """What the filesystem has in use, its copies of metadata (DUP on a btrfs of one device) counted once."""
    subprocess.run(["sync", "-f", place], check=True)
    return used_bytes_now(place)


def used_bytes_now(place: Path) -> int:
    """Return the same before the filesystem has written out what it still holds in memory."""
    if _filesystem_of(place) == "btrfs":
        command = ["btrfs", "filesystem", "df", "--raw", place]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return sum(int(line.rpartition("used=")[2]) for line in told.splitlines() if "GlobalReserve" not in line)
    status = os.statvfs(place)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def _filesystem_of(place: Path) -> str:
    command = ["stat", "--file-system", "--format=%T", str(place)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
