"""What an installation changed, so that a failed one can be taken back."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress

from virtualenv_reflink.environment.environment import Environment

_ATTIC = ".virtualenv-reflink-replaced"


class Journal:
    """The files and directories made so far, in order, and the files that had to make room for them."""

    def __init__(self, environment: Environment) -> None:
        """Begin in an environment; what a killed installation had set aside there is deleted.

        A site-packages that is a subvolume of its own needs an attic of its own, as files cannot be renamed out of it.
        """
        self.files: list[str] = []
        self.directories: list[str] = []
        places = [*environment.libraries, environment.root]
        self._attics = [os.path.join(os.path.realpath(place), _ATTIC) for place in places]
        self._aside: list[tuple[str, str]] = []
        self.close()

    def set_aside(self, path: str) -> None:
        """Take a file out of the environment until this installation ends.

        :raises OSError: when that fails; FileNotFoundError when there is none, IsADirectoryError when it is no file.
        """
        if stat.S_ISDIR(os.lstat(path).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        parent = os.path.join(os.path.realpath(os.path.dirname(path)), "")
        inside = (attic for attic in self._attics if parent.startswith(attic.removesuffix(_ATTIC)))
        attic = next(inside, self._attics[-1])
        kept = f"{attic}/{len(self._aside)}"
        os.makedirs(attic, exist_ok=True)
        os.rename(path, kept)
        self._aside.append((path, kept))

    def undo(self) -> None:
        """Delete what was made, as far as it still can be, and put back what was set aside."""
        for path in reversed(self.files):
            with suppress(OSError):
                os.unlink(path)
        for path in reversed(self.directories):
            with suppress(OSError):
                os.rmdir(path)
        for path, kept in self._aside:
            with suppress(OSError):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.rename(kept, path)

    def close(self) -> None:
        """Delete for good what was set aside."""
        for attic in self._attics:
            shutil.rmtree(attic, ignore_errors=True)
