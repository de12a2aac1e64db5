"""What the text of a requirement names: a project of an index, a place on this machine, or an address elsewhere."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.requirements.file_urls import path_of

# compiled when they are first used: most commands need few of them
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = r"(?:\[[^\]]*\])?"
_PROJECT = rf"({_NAME})\s*{_EXTRAS}\s*(?:\(?\s*(?:[<>=!~]=?=?\s*[\w.*+!-]+\s*,?\s*)*\)?)"
_DIRECT = rf"({_NAME})\s*{_EXTRAS}\s*@\s*(\S+)"
_REMOTE = r"(?i)(?:(?:git|hg|svn|bzr)\+)?(?:https?|ftp|ssh|git|svn|sftp|bzr|lp)://[^/]"
_URL = r"(?i)(?:https?|file|ftp|ssh|(?:git|hg|svn|bzr)(?:\+[a-z]+)?):"
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
_TRAILING_EXTRAS = r"(.+?)(\[[^\]]+\])"


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
    text = requirement.split("; " if re.match(_URL, requirement) else ";", 1)[0].strip()
    if re.match(_URL, text):
        return _reference("", text)
    bare = (re.fullmatch(_TRAILING_EXTRAS, text) or ("", text))[1]
    if editable and os.path.isdir(bare):
        return Named(path=Path(os.path.abspath(bare)))
    if direct := re.fullmatch(_DIRECT, text):
        return _reference(direct[1], direct[2])
    if _looks_like_path(text) and os.path.isdir(bare):
        return Named(path=Path(os.path.abspath(bare)))
    if bare.lower().endswith(_ARCHIVES):
        return Named(path=Path(os.path.abspath(bare))) if os.path.isfile(bare) else None
    project = re.fullmatch(_PROJECT, text)
    return Named(project[1]) if project and not editable else None


def local_path(url: str) -> Path | None:
    """Return the absolute path that a ``file:`` URL names; None where it is no URL, or names another machine."""
    path = path_of(url)
    return None if path is None else Path(os.path.abspath(path))


def is_url(text: str) -> bool:
    """Return whether pip takes a text for an address."""
    return bool(re.match(_URL, text))


def is_remote(url: str) -> bool:
    """Return whether an address leads to another machine."""
    return bool(re.match(_REMOTE, url))


def _reference(project: str, url: str) -> Named | None:
    if url.lower().startswith("file:"):
        path = local_path(url)
        return Named(project, path) if path else None
    return Named(project, url=url) if re.match(_REMOTE, url) else None


def _looks_like_path(text: str) -> bool:
    return os.sep in text or bool(os.altsep and os.altsep in text) or text.startswith(".")
