"""How many bytes of the disk things take."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

Inodes = set[tuple[int, int]]
"""Files with hard links, each by its device and its number."""

_BLOCK = 512
"""The unit of st_blocks, see stat(2)."""


def bytes_on_disk(paths: Iterable[Path | str], seen: Inodes) -> int:
    """Return how many bytes of the disk files and directories take, with all that is in them.

    Files with hard links are added to ``seen``, and those in it are not counted. What vanishes meanwhile takes none.
    """
    total, pending = 0, []
    for path in paths:
        with suppress(OSError):
            total += allocated(os.lstat(path))
            pending.append(str(path))
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as found:
            for child in found:
                status = child.stat(follow_symlinks=False)
                if child.is_dir(follow_symlinks=False):
                    pending.append(child.path)
                elif status.st_nlink > 1:
                    inode = status.st_dev, status.st_ino
                    if inode in seen:
                        continue
                    seen.add(inode)
                total += allocated(status)
    return total


def allocated(status: os.stat_result) -> int:
    """Return how many bytes of the disk a file takes, or its size where that is not told, as on Windows."""
    blocks: int | None = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else blocks * _BLOCK
