"""``file:`` URLs, and the paths that they name (RFC 8089)."""

from __future__ import annotations

import os
import re

_PLAIN = r"(?a)file://(/[\w./+~@,=-]*)"


def path_of(url: str) -> str | None:
    """Return the path that a ``file:`` URL names; None where it names another machine."""
    if plain := re.fullmatch(_PLAIN, url):
        return plain[1]
    # seldom needed, and they take longer to import than all of a request to read
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or "\0" in unquote(parts.path):
        return None
    if os.name == "nt":
        from urllib.request import url2pathname

        return url2pathname(parts.path)
    return unquote(parts.path)
