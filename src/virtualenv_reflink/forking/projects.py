"""Projects that an environment refers to, and where they are for another environment.

A checkout of a repository often holds its environment, and another checkout (a worktree, say) is to hold the fork.
What was installed from the one is then to come from the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from virtualenv_reflink.forking.contents import local_path
from virtualenv_reflink.forking.source import Source

_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")


def moved_projects(source: Source, new: str) -> dict[str, str]:
    """Return the projects beside an environment that are at the same place beside the ``new`` one too, by path.

    :raises OSError: when a file cannot be read.
    """
    folders = {os.path.dirname(name): os.path.dirname(new) for name in source.names}
    moved = {}
    for library in source.libraries:
        for path in _referred_to(f"{source.root}/{library}"):
            for folder, new_folder in folders.items():
                place = _below(path, folder, new_folder)
                if place is not None and not _is_inside(path, source) and _is_same_project(path, place, new_folder):
                    moved[path] = place
    return moved


def _referred_to(library: str) -> Iterator[str]:
    """Yield absolute paths that the metadata and path files of a directory of packages name."""
    for name in os.listdir(library):
        if name.endswith(".dist-info"):
            path = local_path(_content(f"{library}/{name}/direct_url.json"))
            if path:
                yield path
        elif name.endswith((".pth", ".egg-link")):
            for line in os.fsdecode(_content(f"{library}/{name}")).splitlines():
                if line.startswith("/"):
                    yield os.path.normpath(line.rstrip())


def _content(path: str) -> bytes:
    if not os.path.isfile(path):
        return b""
    with open(path, "rb") as stream:
        return stream.read()


def _below(path: str, folder: str, new_folder: str) -> str | None:
    """Return what ``path`` would be in ``new_folder`` if it is in ``folder``, or is that itself."""
    if path != folder and not path.startswith(os.path.join(folder, "")):
        return None
    return os.path.normpath(os.path.join(new_folder, os.path.relpath(path, folder)))


def _is_inside(path: str, source: Source) -> bool:
    return any(path == name or path.startswith(f"{name}/") for name in source.names)


def _is_same_project(path: str, place: str, new_folder: str) -> bool:
    """Return whether ``place`` seems to be the project at ``path``; any folder may happen to be there."""
    if not os.path.exists(place):
        return False
    marks = [mark for mark in _MARKS if os.path.exists(f"{path}/{mark}")]
    return any(os.path.exists(f"{place}/{mark}") for mark in marks) if marks else place != new_folder
