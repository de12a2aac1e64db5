"""Permissions of new files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from virtualenv_reflink.filesystem.reflink import Duplicate


def let_all_execute(files: Sequence[Duplicate], umask: int) -> None:
    """Add the executable bits that the umask took from new files, as pip does.

    :raises OSError: when that fails.
    """
    if umask & 0o111:
        for _, target, mode, _, _ in files:
            if mode & 0o111:
                os.chmod(target, mode & ~umask | 0o111)
