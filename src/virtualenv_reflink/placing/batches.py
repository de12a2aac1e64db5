"""Files of cached directories for directories of an environment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import File
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.placing.linking import Place
from virtualenv_reflink.progress import Progress


class Batch(NamedTuple):
    """Files of one cached directory for one directory of an environment.

    ``put`` is what the link mode does with each; ``mtime_ns`` is for Python sources whose bytecode is checked against
    it, all other files are as new as pip's.
    """

    source: str
    target: str
    files: list[File]
    mtime_ns: int | None
    put: Place


def place(batches: Iterable[Batch], placed: list[str], progress: Progress) -> None:
    """Put the files of ``batches`` into place, appending the path of each to ``placed`` when it is there.

    :raises OSError: for the first file that cannot be placed.
    """
    for source, target, files, mtime_ns, put in batches:
        put([_duplicate(source, target, file, mtime_ns) for file in files], placed)
        progress.step("", len(files))


def targets(batches: Iterable[Batch]) -> list[str]:
    """Return the paths of the files to be placed, in that order."""
    return [f"{batch.target}/{file.name}" for batch in batches for file in batch.files]


def _duplicate(source: str, target: str, file: File, mtime_ns: int | None) -> Duplicate:
    name, executable, _, _ = file
    mode = 0o777 if executable else 0o666
    return f"{source}/{name}", f"{target}/{name}", mode, mtime_ns if name.endswith(".py") else None
