"""What an installation changed, so that a failed one can be taken back."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path


class Journal:
    """The files and directories made so far, in order, and the files that had to make room for them."""

    def __init__(self, root: Path) -> None:
        """Begin in an environment; what a killed installation had set aside there is deleted."""
        self.files: list[str] = []
        self.directories: list[str] = []
        self._attic = str(root / ".virtualenv-reflink-replaced")
        self._aside: list[str] = []
        self.close()

    def set_aside(self, path: str) -> None:
        """Take a file out of the environment until this installation ends.

        :raises OSError: when that fails; FileNotFoundError when there is none, IsADirectoryError when it is no file.
        """
        if stat.S_ISDIR(os.lstat(path).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        os.makedirs(self._attic, exist_ok=True)
        os.rename(path, self._kept(len(self._aside)))
        self._aside.append(path)

    def undo(self) -> None:
        """Delete what was made, as far as it still can be, and put back what was set aside."""
        for path in reversed(self.files):
            with suppress(OSError):
                os.unlink(path)
        for path in reversed(self.directories):
            with suppress(OSError):
                os.rmdir(path)
        for number, path in enumerate(self._aside):
            with suppress(OSError):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.rename(self._kept(number), path)

    def close(self) -> None:
        """Delete for good what was set aside."""
        shutil.rmtree(self._attic, ignore_errors=True)

    def _kept(self, number: int) -> str:
        return f"{self._attic}/{number}"
