"""How many bytes of the disk things take."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.filesystem.native import native_disk_usage

Inodes = set[tuple[int, int]]
"""Files with hard links, each by its device and its number."""

_BLOCK = 512
"""The unit of st_blocks, see stat(2)."""


def bytes_on_disk(paths: Iterable[Path | str], seen: Inodes) -> int:
    """Return how many bytes of the disk files and directories take, with all that is in them.

    Files with hard links are added to ``seen``, and those in it are not counted. What vanishes meanwhile takes none.
    """
    measure = native_disk_usage() or _measure
    total = 0
    for path in paths:
        with suppress(OSError):
            total += allocated(os.lstat(path))
            others, linked = measure(str(path))
            total += others + _unseen(linked, seen)
    return total


def allocated(status: os.stat_result) -> int:
    """Return how many bytes of the disk a file takes, or its size where that is not told, as on Windows."""
    blocks: int | None = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else blocks * _BLOCK


def _unseen(linked: Iterable[tuple[int, int, int]], seen: Inodes) -> int:
    total = 0
    for device, number, size in linked:
        if (device, number) not in seen:
            seen.add((device, number))
            total += size
    return total


def _measure(directory: str) -> tuple[int, list[tuple[int, int, int]]]:
    """Do what the native core does."""
    total, pending = 0, [directory]
    linked: list[tuple[int, int, int]] = []
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as found:
            for child in found:
                status = child.stat(follow_symlinks=False)
                is_directory = child.is_dir(follow_symlinks=False)
                if is_directory:
                    pending.append(child.path)
                if status.st_nlink > 1 and not is_directory:
                    linked.append((status.st_dev, status.st_ino, allocated(status)))
                else:
                    total += allocated(status)
    return total, linked
