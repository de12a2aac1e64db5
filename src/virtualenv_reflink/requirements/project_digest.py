"""A digest of all files that decide what building a project gives."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from virtualenv_reflink.requirements.repository_state import ARCHIVAL, is_repository, repositories_above, state_files

_BLOCK = 1 << 20
_MOST_FILES = 100_000
_MOST_BYTES = 2 << 30
_TOOLS = frozenset({".tox", ".nox", ".idea", ".vscode", ".hypothesis", ".eggs"})
_EGG_INFO = frozenset(
    {
        *("PKG-INFO", "SOURCES.txt", "dependency_links.txt", "top_level.txt", "requires.txt", "entry_points.txt"),
        *("not-zip-safe", "zip-safe", "namespace_packages.txt"),
    }
)
# compiled when they are first used: many requests name no project
_BUILD_OF_SETUPTOOLS = r"lib|lib\..+|bdist\..+|temp\..+|scripts-\d.*"
_DISTRIBUTION = r".+\.(whl|tar\.gz|zip)"
_CONFIGURATION = (".toml", ".cfg", ".py", ".in", ".ini", ".json", ".txt")
_LEADS_UP = rb"(?<![\w.])\.\.(?![\w.])|parent\s*\.\s*parent|parents\s*\[\s*[1-9]|pardir|dirname\(.*dirname"


class _UnboundedError(Exception):
    """What a build reads cannot be told."""


def project_digest(project: Path) -> str | None:
    """Return a SHA-256 over the files of a project and over the repositories that tell its version.

    None when what a build reads cannot be told: for a project that has more than two gigabytes or 100,000 files, that
    names directories above itself, whose version control is neither Git nor Mercurial, or that cannot be read.
    """
    hasher, bytes_left = hashlib.sha256(), _MOST_BYTES
    try:
        for number, path in enumerate(_inputs(project)):
            status = path.stat()
            bytes_left -= status.st_size
            if number > _MOST_FILES or bytes_left < 0:
                return None
            content = file_digest(path) if stat.S_ISREG(status.st_mode) else stat.S_IFMT(status.st_mode)
            name = os.path.relpath(path, project)
            hasher.update(f"{name}\0{status.st_mode & 0o111}\0{content}\0".encode("utf-8", "surrogateescape"))
    except (_UnboundedError, OSError):
        return None
    return hasher.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    :raises OSError: when it cannot be read.
    """
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            hasher.update(block)
    return hasher.hexdigest()


def _inputs(project: Path) -> Iterator[Path]:
    """Yield what a build may read, in a constant order."""
    for path in sorted(project.iterdir()):
        if path.suffix in _CONFIGURATION and path.is_file() and re.search(_LEADS_UP, path.read_bytes()):
            raise _UnboundedError
    yield from _files_below(project, project, ())
    for repository in repositories_above(project):
        yield from _state(repository)
    for parent in project.resolve().parents:
        yield from (path for name in ARCHIVAL if (path := parent / name).is_file())


def _files_below(directory: Path, project: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    """Yield files and directories, through links too, as builds follow them; ``above`` ends a circle of links."""
    status = directory.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
        path = Path(entry.path)
        if is_repository(entry.name):
            yield from _state(path)
        elif entry.is_dir():
            if not _is_left_out(path, project):
                yield path
                yield from _files_below(path, project, (*above, identity))
        elif entry.is_file():
            yield path
        elif not entry.is_symlink():
            raise _UnboundedError


def _state(repository: Path) -> Iterator[Path]:
    files = state_files(repository)
    if files is None:
        raise _UnboundedError
    yield from files


def _is_left_out(directory: Path, project: Path) -> bool:
    """Return whether a directory holds what tools made, by what is in it where its name alone does not tell."""
    if directory.name == "__pycache__":
        return True
    if (directory / "CACHEDIR.TAG").is_file() or _is_environment(directory):
        return True
    parent = directory.parent
    if parent == project and directory.name in _TOOLS:
        return True
    if parent == project and directory.name == "build":
        return all(re.fullmatch(_BUILD_OF_SETUPTOOLS, entry.name) and entry.is_dir() for entry in os.scandir(directory))
    if parent == project and directory.name == "dist":
        return all(re.fullmatch(_DISTRIBUTION, entry.name) and entry.is_file() for entry in os.scandir(directory))
    if parent in (project, project / "src") and directory.name.endswith(".egg-info"):
        return _EGG_INFO.issuperset(os.listdir(directory))
    return False


def _is_environment(directory: Path) -> bool:
    pythons = (directory / "bin" / "python", directory / "Scripts" / "python.exe")
    return (directory / "pyvenv.cfg").is_file() and any(map(os.path.lexists, pythons))
