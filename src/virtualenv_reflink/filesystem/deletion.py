"""Make room at once, and delete what was there later."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread


@contextmanager
def emptied(directory: Path) -> Iterator[None]:
    """Leave nothing in ``directory``, and delete what it held when the context is left.

    A thread does that while the process goes on, and the process does not end before it is done. Until then it is kept
    beside the directory, where the next call finds what a killed process did not delete. What cannot be moved stays,
    and so does everything where the directory is a link to somewhere else.
    """
    aside = directory.with_name(f".{directory.name}.deleted")
    shutil.rmtree(aside, ignore_errors=True)
    with suppress(OSError):
        names = [] if directory.is_symlink() else os.listdir(directory)
        aside.mkdir(mode=0o700)
        for name in names:
            os.rename(directory / name, aside / name)
    try:
        yield
    finally:
        Thread(target=shutil.rmtree, args=(aside,), kwargs={"ignore_errors": True}).start()
