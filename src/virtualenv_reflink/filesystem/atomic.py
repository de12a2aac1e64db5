"""Write a small file whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.filesystem.temporary import temporary_name


def atomic_write(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Make ``path`` a file that holds ``content``: whoever reads it finds all of it, after a power cut too.

    ``mode`` is subject to the umask. A link at ``path`` is replaced, not followed. When this fails, what was there
    stays, and nothing else is left.

    :raises OSError: when it cannot be written, for a full disk among other reasons.
    """
    _write(path, content, mode, os.fsync)


def atomic_write_unflushed(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Do as :func:`atomic_write` for less: a power cut may leave the file empty or cut short.

    This is for what can be found out again, and is read by those who take damage for absence.

    :raises OSError: as :func:`atomic_write`.
    """
    _write(path, content, mode, lambda _: None)


def _write(path: Path, content: bytes, mode: int, flush: Callable[[int], None]) -> None:
    draft = path.with_name(temporary_name())
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        with open(fd, "wb", buffering=0) as stream:
            view = memoryview(content)
            while view:
                view = view[stream.write(view) :]
            flush(fd)
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise
