"""Which files of an environment may name the place where it is, or one that it refers to, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from glob import escape, glob
from typing import NamedTuple

from virtualenv_reflink.forking.contents import Rewrite, activation_in, direct_url, in_language, path_lines, script
from virtualenv_reflink.forking.source import CONFIGURATION, Source

# by how the names of files end
_ACTIVATION = {
    "activate": activation_in("shell"),
    ".bash": activation_in("shell"),
    ".bat": activation_in("text"),
    ".csh": activation_in("csh"),
    ".fish": activation_in("fish"),
    ".nu": activation_in("nu"),
    ".ps1": activation_in("powershell"),
    ".sh": activation_in("shell"),
    ".xsh": activation_in("python"),
    "activate_this.py": activation_in("python"),
}
_IN_ROOT = {".json": in_language("json")}
_IN_LIBRARIES = {
    ".egg-link": path_lines,
    ".pth": path_lines,
    # what build backends generate for projects that are installed editable
    ".py": in_language("python"),
}


class Candidate(NamedTuple):
    """A file that may name a place, and what rewrites it."""

    path: str
    rewrite: Rewrite


def candidates(source: Source) -> Iterator[Candidate]:
    """Yield the files of an environment but for its configuration.

    :raises OSError: when a directory cannot be read.
    """
    root = source.root
    for path in _files_in(root):
        if os.path.basename(path) != CONFIGURATION:
            yield Candidate(path, _matching(path.lower(), _IN_ROOT) or in_language("text"))
    for path in _files_in(f"{root}/bin"):
        yield Candidate(path, _matching(path.lower(), _ACTIVATION) or script)
    for library in source.libraries:
        yield from _in_library(f"{root}/{library}")
    for path in glob(f"{escape(root)}/share/jupyter/kernels/*/kernel.json"):
        yield Candidate(path, in_language("json"))


def _in_library(library: str) -> Iterator[Candidate]:
    with os.scandir(library) as entries:
        for entry in entries:
            if entry.name.endswith(".dist-info"):
                path = f"{entry.path}/direct_url.json"
                if os.path.isfile(path):
                    yield Candidate(path, direct_url)
            elif (rewrite := _matching(entry.name, _IN_LIBRARIES)) and entry.is_file(follow_symlinks=False):
                yield Candidate(entry.path, rewrite)


def _matching(name: str, rewrites: dict[str, Rewrite]) -> Rewrite | None:
    return next((rewrite for suffix, rewrite in rewrites.items() if name.endswith(suffix)), None)


def _files_in(directory: str) -> Iterator[str]:
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                yield entry.path
