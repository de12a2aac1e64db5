"""What ``_native.c`` offers to Python; see there, and ``native.py`` for the numbers."""

INTERFACE: int

class Placing:
    """Threads that place files while Python goes on. The first failure stops all of them.

    One thread less than told, though one at least, works until :meth:`wait` is called: Python needs a processor too.
    """

    def __new__(cls, threads: int, umask: int, /) -> Placing: ...
    def submit(
        self,
        operation: int,
        source: str,
        target: str,
        names: str,
        executables: str | None,
        sizes: str | None,
        mtime_ns: int | None,
        /,
    ) -> None:
        """Have files of the directory ``source`` placed in ``target``.

        There are slashes between names, a ``1`` for each executable file and a ``0`` for each other one, and commas
        between sizes in bytes. Where these two are None, mode and mtime are those of the source, and a file that is
        gone is left out.

        :raises ValueError: when there are not as many of each as there are names.
        """

    def wait(self, seconds: float, /) -> bool:
        """Return whether nothing is left to do, as soon as that is so."""

    def stop(self) -> None:
        """Begin with no further file, and wait for the threads to end; doing so twice does no harm."""

    def placed(self) -> tuple[int, int, int]:
        """Return how many files were placed, how many refused their mode, and the errno of the last one."""

    def failure(self) -> tuple[int, int, str, str, int, int] | None:
        """Return a fault, its errno, a directory, a name there, and for SIZE the size found and the one expected."""

def delete_tree(path: str, threads: int, /) -> bool:
    """Delete a directory with all that is in it, following no links; return whether nothing of it is left."""

def extents(paths: list[str], /) -> list[bytes | None]:
    """Return for each file its ``struct fiemap_extent``s, its data written out first, or None if it has no such map."""

def statuses(root: str, paths: list[str], threads: int, /) -> bytes:
    """Return a row for each path in the directory ``root``, as :mod:`virtualenv_reflink.filesystem.statuses` has it.

    :raises OSError: for the first one that cannot be looked at.
    """

def disk_usage(path: str, /) -> tuple[int, bytes]:
    """Return the bytes on disk of files with one link, and a row for each other one: device, inode, bytes."""
