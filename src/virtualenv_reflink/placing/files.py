"""What is asked of files that are to be placed: apart from what places them, as making a protocol takes time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from virtualenv_reflink.placing.mode import FileMode
    from virtualenv_reflink.placing.placer import Placer

Columns = tuple[str, str, str] | tuple[str, None, None]
"""Names of files, which are executable, and sizes, as a file table has them; None means as their sources are."""


class Files(Protocol):
    """Files of one directory for another, and the link mode that places them.

    Those that are to be as their source is have its mode and mtime too, and are left out if it is gone by then.
    ``mtime_ns`` is for the Python sources among the others.
    """

    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def mtime_ns(self) -> int | None: ...
    @property
    def mode(self) -> FileMode: ...

    @property
    def number(self) -> int: ...

    def columns(self) -> Columns:
        """Return what the files are to be."""

    def place(self, placer: Placer) -> None:
        """Put the files into place without the native core.

        :raises OSError: for the first file that cannot be placed.
        """
