"""The files in which a version control keeps what tools for versions ask it: the commit, tags, and what is tracked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ARCHIVAL = (".git_archival.txt", ".hg_archival.txt")
"""What setuptools-scm and its like read where there is no repository, in directories above a project too."""

_GIT = ("HEAD", "index", "packed-refs", "shallow", "config", "config.worktree", "info/grafts")
_GIT_DIRECTORIES = ("refs", "reftable")
_MERCURIAL = ("dirstate", "branch", "bookmarks", "localtags", "store/00changelog.i")
_OTHERS = frozenset({".svn", ".bzr", ".jj", ".pijul", "_darcs", ".fslckout", "_FOSSIL_"})


def is_repository(name: str) -> bool:
    """Return whether this is the name of what marks the top of a working tree."""
    return name in {".git", ".hg"} or name in _OTHERS


def state_files(repository: Path) -> list[Path] | None:
    """Return the files that tell the state of a repository, which is a ``.git`` file or directory, or a ``.hg``.

    None for other version controls.

    :raises OSError: when it cannot be read.
    """
    if repository.name == ".git":
        return [path for path in _git_files(repository) if path.is_file()]
    if repository.name == ".hg":
        return [path for name in _MERCURIAL if (path := repository / name).is_file()]
    return None


def repositories_above(project: Path) -> Iterator[Path]:
    """Yield the repositories that a project below their top may belong to."""
    for parent in project.resolve().parents:
        yield from (path for name in (".git", ".hg", *sorted(_OTHERS)) if os.path.lexists(path := parent / name))


def _git_files(repository: Path) -> Iterator[Path]:
    """Yield the files of gitrepository-layout(5); in worktrees and submodules ``.git`` is a file that names them."""
    if repository.is_file():
        yield repository
        named = repository.read_text(encoding="utf-8", errors="surrogateescape").strip().removeprefix("gitdir:").strip()
        repository = repository.parent / named
    yield from _git_files_in(repository)
    common = repository / "commondir"
    if common.is_file():
        named = common.read_text(encoding="utf-8", errors="surrogateescape").strip()
        yield from _git_files_in(repository / named)


def _git_files_in(directory: Path) -> Iterator[Path]:
    yield from (directory / name for name in _GIT)
    for name in _GIT_DIRECTORIES:
        for parent, directories, files in os.walk(directory / name):
            directories.sort()
            yield from (Path(parent, file) for file in sorted(files))
