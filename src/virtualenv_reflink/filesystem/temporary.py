"""Names for what is not finished."""

from __future__ import annotations

import os

_PREFIX = ".virtualenv-reflink-"
_BYTES = 12


def temporary_name() -> str:
    """Return a file name that nobody else has: no other thread, process, container or machine."""
    return f"{_PREFIX}{os.urandom(_BYTES).hex()}"


def is_temporary(name: str) -> bool:
    """Return whether :func:`temporary_name` made ``name``."""
    return name.startswith(_PREFIX) and len(name) == len(_PREFIX) + 2 * _BYTES
