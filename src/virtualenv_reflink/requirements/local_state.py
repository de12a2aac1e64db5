"""The state of files and directories on this machine that requirements name, as texts to compare."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from virtualenv_reflink.requirements.project_digest import file_digest, project_digest

_PAGES = (".html", ".htm", ".shtml", ".xhtml")
_MOST_PROJECTS = 20_000
ABSENT = "absent"


def state_of_file(path: Path) -> str | None:
    """Return the digest of a file, or that there is none; None when it cannot be read."""
    try:
        return file_digest(path) if stat.S_ISREG(path.stat().st_mode) else None
    except FileNotFoundError:
        return ABSENT
    except (OSError, ValueError):
        return None


def state_of_requirement(path: Path) -> str | None:
    """Return the digest of an archive or of a project; None when it cannot be told."""
    return project_digest(path) if path.is_dir() else state_of_file(path)


def state_of_links(path: Path) -> str | None:
    """Return the state of a place for ``--find-links``; None when it is or holds a page, which may lead anywhere."""
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        if any(entry.name.lower().endswith(_PAGES) for entry in entries):
            return None
        return repr([(entry.name, _stamp(entry.path)) for entry in entries])
    except FileNotFoundError:
        return ABSENT
    except (OSError, ValueError):
        return None


def state_of_index(path: Path) -> str | None:
    """Return the state of an index in a directory (simple repository API): the stamps of all of its pages."""
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        if len(entries) > _MOST_PROJECTS:
            return None
        return repr([(entry.name, _stamp(entry.path), _stamp(f"{entry.path}/index.html")) for entry in entries])
    except FileNotFoundError:
        return ABSENT
    except (OSError, ValueError):
        return None


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
