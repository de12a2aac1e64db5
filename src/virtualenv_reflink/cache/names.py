"""Names of projects, and those of files that a wheel may hold, and so may the manifest that is made of it."""

from __future__ import annotations

import re

SCHEMES = frozenset({"purelib", "platlib", "headers", "scripts", "data"})
"""Where files of a wheel can belong, see the binary distribution format specification."""
LIBRARIES = frozenset({"purelib", "platlib"})
"""Those of them that are on the search path for modules."""

# control characters, and the separator of Windows
_FORBIDDEN = frozenset(map(chr, (*range(32), 127, ord("\\"))))


def normalized_name(name: str) -> str:
    """Return a project's name in the form in which names are compared (PEP 503); packaging takes long to import."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_plain_path(path: str) -> bool:
    """Return whether a ``/``-separated path leads to a place below where it begins, on every system."""
    has_drive = path[1:2] == ":" and path[0].isascii() and path[0].isalpha()
    return not (has_drive or _FORBIDDEN.intersection(path) or leads_elsewhere(f"/{path}/"))


def is_plain_name(name: str) -> bool:
    """Return whether ``name`` can be that of a script on every system."""
    return bool(name) and name not in {".", ".."} and name.isprintable() and not set(name) & set("/\\:")


def leads_elsewhere(path: str) -> bool:
    """Return whether a path between slashes has a part that is empty, ``.`` or ``..``."""
    return "//" in path or "/../" in path or "/./" in path
