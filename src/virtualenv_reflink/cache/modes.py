"""Who may read what is in the cache: whoever the umask says; only its owner may write to a directory."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.filesystem.permissions import current_umask

DIRECTORY = 0o755
"""The mode of every directory, subject to the umask."""
SMALL_FILE = 0o644
"""The mode of every small file, subject to the umask."""
_OTHERS = 0o077
_WRITABLE_BY_OTHERS = 0o022


def make_directory(path: Path) -> None:
    """Make a directory that no umask makes writable by others; one that is there is no error.

    :raises OSError: when it cannot be made.
    """
    with suppress(FileExistsError):
        os.mkdir(path, DIRECTORY)


def make_directories(path: str) -> None:
    """Make a directory and those above it likewise; one that is there is no error.

    :raises OSError: when one cannot be made.
    """
    try:
        os.mkdir(path, DIRECTORY)
    except FileExistsError:
        # what was there a moment ago may be gone, which is told as such
        if not stat.S_ISDIR(os.stat(path).st_mode):
            raise
    except FileNotFoundError:
        make_directories(os.path.dirname(path))
        os.mkdir(path, DIRECTORY)


def cached_file_mode(*, executable: bool) -> int:
    """Return the mode of a file of a wheel: nobody may write to it, and others may read it if the umask permits."""
    return (0o555 if executable else 0o444) & ~(current_umask() & _OTHERS)


def open_to_readers(entry: Path) -> None:
    """Set the mode of a finished ``entry`` that was private to its maker until now.

    :raises OSError: when it cannot be set.
    """
    os.chmod(entry, DIRECTORY & ~_withheld())


def withhold_writing(entry: Path) -> None:
    """Let nobody else write to what is in a finished ``entry``, whoever made its files and directories.

    What a sealed subvolume holds is left as it is: nobody can write to it, whatever its modes.

    :raises OSError: when a mode cannot be set.
    """
    # a lazy boundary: most caches already hold what is wanted
    from virtualenv_reflink.filesystem.subvolume import is_subvolume

    withheld = _withheld()
    for directory, subdirectories, files in os.walk(entry):
        subdirectories[:] = [name for name in subdirectories if not is_subvolume(f"{directory}/{name}")]
        for name in subdirectories:
            _withhold(f"{directory}/{name}", withheld)
        for name in files:
            _withhold(f"{directory}/{name}", _WRITABLE_BY_OTHERS)


def _withheld() -> int:
    return current_umask() & _OTHERS | _WRITABLE_BY_OTHERS


def _withhold(path: str, withheld: int) -> None:
    mode = stat.S_IMODE(os.lstat(path).st_mode)
    if mode & withheld and not os.path.islink(path):
        os.chmod(path, mode & ~withheld)
