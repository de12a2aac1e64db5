"""Which names a wheel may hold, and so may the manifest that is made of it."""

from __future__ import annotations

import re

SCHEMES = frozenset({"purelib", "platlib", "headers", "scripts", "data"})
"""Where files of a wheel can belong, see the binary distribution format specification."""

_DRIVE = re.compile(r"^[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


def is_plain_path(path: str) -> bool:
    """Return whether a ``/``-separated path leads to a place below where it begins, on every system."""
    return not (_DRIVE.match(path) or _CONTROL.search(path) or leads_elsewhere(f"/{path}/"))


def is_plain_name(name: str) -> bool:
    """Return whether ``name`` can be that of a script on every system."""
    return bool(name) and name not in {".", ".."} and name.isprintable() and not set(name) & set("/\\:")


def leads_elsewhere(path: str) -> bool:
    """Return whether a path between slashes has a part that is empty, ``.`` or ``..``."""
    return "//" in path or "/../" in path or "/./" in path
