"""What files that name places hold once those places are somewhere else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from virtualenv_reflink.forking.first_lines import is_python, moved_first_lines, split_first_lines
from virtualenv_reflink.forking.moves import Moves
from virtualenv_reflink.requirements.file_urls import path_of


class Places(NamedTuple):
    """The places that any file may name: the environment's own, and also those of projects it refers to."""

    own: Moves
    all: Moves


Rewrite = Callable[[bytes, Places], bytes]
"""From the content of a file to the one that names all places where they are now."""


def in_language(language: str) -> Rewrite:
    """Return what rewrites files of a language."""
    return partial(_in_language, language)


def activation_in(language: str) -> Rewrite:
    """Return what rewrites scripts of a language that name only the environment itself."""
    return partial(_activation_in, language)


def script(content: bytes, places: Places) -> bytes:
    """Rewrite a script: the lines that name its interpreter and, unless that is binary, what follows."""
    first_lines, body = split_first_lines(content)
    if not is_binary(body):
        body = places.all.in_text(body, "python" if is_python(first_lines) else "shell")
    return moved_first_lines(first_lines, places.own) + body


def path_lines(content: bytes, places: Places) -> bytes:
    """Rewrite a file of paths, one a line, of which some may be Python: a ``.pth`` file or an ``.egg-link``."""
    return b"\n".join(_path_line(line, places.all) for line in content.split(b"\n"))


def direct_url(content: bytes, places: Places) -> bytes:
    """Rewrite a ``direct_url.json`` (Recording the Direct URL Origin of installed distributions)."""
    path = local_path(content)
    if path is None or places.all.of(path) == path:
        return content
    old, new = (json.dumps(url).encode("ascii") for url in (_local_url(content), _url_of(places.all.of(path))))
    return content.replace(old, new)


def local_path(content: bytes) -> str | None:
    """Return the path that a ``direct_url.json`` names where it is one of this machine."""
    url = _local_url(content)
    path = path_of(url) if url else None
    return os.path.normpath(path) if path else None


def is_binary(content: bytes) -> bool:
    """Return whether ``content`` is no text of a known kind."""
    return b"\0" in content


def _in_language(language: str, content: bytes, places: Places) -> bytes:
    return content if is_binary(content) else places.all.in_text(content, language)


def _activation_in(language: str, content: bytes, places: Places) -> bytes:
    return content if is_binary(content) else places.own.in_text(content, language)


def _local_url(content: bytes) -> str | None:
    if b"file:" not in content:
        return None
    try:
        url = json.loads(content)["url"]
    except (ValueError, LookupError, TypeError):
        return None
    return url if isinstance(url, str) and url.startswith("file:") else None


def _path_line(line: bytes, moves: Moves) -> bytes:
    if line.startswith((b"import ", b"import\t")):
        return moves.in_text(line, "python")
    path = line.rstrip()
    return os.fsencode(moves.of(os.fsdecode(path))) + line[len(path) :]


def _url_of(path: str) -> str:
    from urllib.parse import quote

    return f"file://{quote(os.fsencode(path))}"
