"""Files that are locks, before anything of them is understood."""

from __future__ import annotations

import re
from pathlib import Path

from virtualenv_reflink.errors import LockError

_FILE_NAME = r"pylock(\.[^.]+)?\.toml"


def is_pylock(path: str) -> bool:
    """Return whether a file is named as locks are."""
    return bool(re.fullmatch(_FILE_NAME, Path(path).name))


def content_of(path: Path) -> bytes:
    """Return the bytes of a lock.

    :raises LockError: when it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise LockError(f"the lock {path} cannot be read: {error.strerror}") from error
