"""Hard links: every file is the cached file itself, read-only."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from virtualenv_reflink.filesystem.copying import copy_file
from virtualenv_reflink.filesystem.native import LINK
from virtualenv_reflink.filesystem.permissions import let_all_execute
from virtualenv_reflink.filesystem.probe import why_not_link
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.filesystem.source import source_error
from virtualenv_reflink.placing.mode import FileMode

# A file that has too many links already, that lies on another mount, or that the kernel protects (link(2)).
_REFUSED = frozenset({errno.EMLINK, errno.EXDEV, errno.EPERM})


class Hardlink(FileMode):
    """``hardlink``."""

    name = "hardlink"
    how = "a hard link to each cached file, read-only"
    where = "the same mount"
    isolates = False
    shares_inodes = True
    native = LINK

    def why_not(self, source_file: str, target_directory: str) -> str | None:
        """Return why files cannot be linked, or None."""
        return why_not_link(source_file, target_directory)

    def place(self, file: Duplicate, let_through: Callable[[], None]) -> OSError | None:
        """Link a file; copy it if it refuses."""
        source, target, mode, _, _ = file
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise _explained(error, source, target) from error
            copy_file(*file, let_through)
            let_all_execute(target, mode, self._umask)
            return error
        return None


def _explained(error: OSError, source: str, target: str) -> OSError:
    """Return what ``error`` says of the source or of the target; link(2) has one word for either that is missing."""
    if error.errno == errno.ENOENT and not os.path.lexists(source):
        return source_error(error, source)
    return OSError(error.errno, error.strerror, target)
