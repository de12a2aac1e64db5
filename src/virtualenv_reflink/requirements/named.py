"""What the text of a requirement names: a project of an index, a place on this machine, or an address elsewhere."""

import os
import re
from pathlib import Path
from typing import NamedTuple

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = r"(?:\[[^\]]*\])?"
_PROJECT = re.compile(rf"({_NAME})\s*{_EXTRAS}\s*(?:\(?\s*(?:[<>=!~]=?=?\s*[\w.*+!-]+\s*,?\s*)*\)?)")
_DIRECT = re.compile(rf"({_NAME})\s*{_EXTRAS}\s*@\s*(\S+)")
_REMOTE = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?(?:https?|ftp|ssh|git|svn|sftp|bzr|lp)://[^/]", re.IGNORECASE)
_URL = re.compile(r"(?:https?|file|ftp|ssh|(?:git|hg|svn|bzr)(?:\+[a-z]+)?):", re.IGNORECASE)
_ARCHIVES = (
    ".whl",
    ".zip",
    ".tar.gz",
    ".tgz",
    ".tar",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tlz",
    ".tar.lz",
    ".tar.lzma",
)
_TRAILING_EXTRAS = re.compile(r"(.+?)(\[[^\]]+\])")


class Named(NamedTuple):
    """What a requirement names.

    ``project`` is its name where the text has one. One of ``path`` and ``url`` is set for a direct reference, neither
    for a project of an index.
    """

    project: str = ""
    path: Path | None = None
    url: str = ""


def named_by(requirement: str, *, editable: bool = False) -> Named | None:
    """Return what a requirement names, by the rules of pip; None for a form that is not known to lead to one thing.

    Relative paths are those of the working directory.
    """
    text = requirement.split("; " if _URL.match(requirement) else ";", 1)[0].strip()
    if _URL.match(text):
        return _reference("", text)
    bare = (_TRAILING_EXTRAS.fullmatch(text) or ("", text))[1]
    if editable and os.path.isdir(bare):
        return Named(path=Path(os.path.abspath(bare)))
    if direct := _DIRECT.fullmatch(text):
        return _reference(direct[1], direct[2])
    if _looks_like_path(text) and os.path.isdir(bare):
        return Named(path=Path(os.path.abspath(bare)))
    if bare.lower().endswith(_ARCHIVES):
        return Named(path=Path(os.path.abspath(bare))) if os.path.isfile(bare) else None
    project = _PROJECT.fullmatch(text)
    return Named(project[1]) if project and not editable else None


def local_path(url: str) -> Path | None:
    """Return the path that a ``file:`` URL names; None where it names another machine."""
    # most requests have no such URL, and these take longer to import than all of a request to read
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or "\0" in unquote(parts.path):
        return None
    if os.name == "nt":
        from urllib.request import url2pathname

        return Path(os.path.abspath(url2pathname(parts.path)))
    return Path(os.path.abspath(unquote(parts.path)))


def is_url(text: str) -> bool:
    """Return whether pip takes a text for an address."""
    return bool(_URL.match(text))


def is_remote(url: str) -> bool:
    """Return whether an address leads to another machine."""
    return bool(_REMOTE.match(url))


def _reference(project: str, url: str) -> Named | None:
    if url.lower().startswith("file:"):
        path = local_path(url)
        return Named(project, path) if path else None
    return Named(project, url=url) if _REMOTE.match(url) else None


def _looks_like_path(text: str) -> bool:
    return os.sep in text or bool(os.altsep and os.altsep in text) or text.startswith(".")
