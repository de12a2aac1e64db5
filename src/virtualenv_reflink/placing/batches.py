"""Files of cached directories for directories of an environment."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from virtualenv_reflink.cache.file_table import File, FileTable
from virtualenv_reflink.placing.mode import FileMode

if TYPE_CHECKING:
    from virtualenv_reflink.filesystem.reflink import Duplicate
    from virtualenv_reflink.placing.files import Columns, Files
    from virtualenv_reflink.placing.placer import Placer
    from virtualenv_reflink.progress import Progress


class Batch(NamedTuple):
    """Files of one cached directory for one directory of an environment, and the link mode that places them.

    ``mtime_ns`` is for Python sources whose bytecode is checked against it; all other files are as new as pip's.
    """

    source: str
    target: str
    table: FileTable
    mtime_ns: int | None
    mode: FileMode

    @property
    def number(self) -> int:
        """How many files these are."""
        return self.table.number

    def columns(self) -> "Columns":
        """Return the names of the files, whether they are executable, and their sizes, as the table has them."""
        return self.table[:3]

    def place(self, placer: "Placer") -> None:
        """Put the files into place.

        :raises OSError: for the first file that cannot be placed.
        """
        placer.place(
            self.mode, [_duplicate(self.source, self.target, file, self.mtime_ns) for file in self.table.files()]
        )


def place(batches: Iterable["Files"], placer: "Placer", progress: "Progress") -> None:
    """Put the files of ``batches`` into place.

    :raises OSError: for the first file that cannot be placed.
    """
    for batch in batches:
        batch.place(placer)
        progress.step("", batch.number)


def _duplicate(source: str, target: str, file: File, mtime_ns: int | None) -> "Duplicate":
    name, executable, size, _ = file
    mode = 0o777 if executable else 0o666
    return f"{source}/{name}", f"{target}/{name}", mode, mtime_ns if name.endswith(".py") else None, size
