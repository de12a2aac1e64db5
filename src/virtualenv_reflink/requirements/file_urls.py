"""``file:`` URLs, and the paths that they name (RFC 8089)."""

from __future__ import annotations

import os
import re

_PLAIN = r"(?a)file://(/[\w./+~@,=-]*)"


def path_of(url: str) -> str | None:
    """Return the path that a ``file:`` URL names; None where it is no URL, or names another machine."""
    if plain := re.fullmatch(_PLAIN, url):
        return plain[1]
    # seldom needed, and they take longer to import than all of a request to read
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    path = unquote(parts.path, errors="surrogateescape")
    if parts.netloc not in {"", "localhost"} or "\0" in path:
        return None
    if os.name == "nt":
        from urllib.request import url2pathname

        return url2pathname(parts.path)
    return path
