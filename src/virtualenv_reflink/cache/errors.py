"""What is said when the wheel cache cannot be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from virtualenv_reflink.cache.trust import ELSEWHERE
from virtualenv_reflink.errors import CacheError, CacheLostError
from virtualenv_reflink.filesystem.source import SourceError

_FREE_SPACE = f"free some space or {ELSEWHERE}"


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Tell why the wheel cache at ``root`` could not be written.

    :raises SourceError: as it is, since the fault is with one file.
    :raises CacheLostError: where something in the cache was taken away meanwhile.
    :raises CacheError: in place of every other OSError.
    """
    try:
        yield
    except SourceError:
        raise
    except OSError as error:
        if _is_lost(error, root):
            raise CacheLostError(
                f"the wheel cache {root} was deleted while it was used; let nothing delete it, or {ELSEWHERE}"
            ) from error
        reason = error.strerror or str(error)
        advice = _FREE_SPACE if error.errno in {errno.ENOSPC, errno.EDQUOT} else ELSEWHERE
        raise CacheError(f"the wheel cache {root} cannot be written: {reason}; {advice}") from error


def _is_lost(error: OSError, root: Path) -> bool:
    """Return whether something in the cache is not there, or was there a moment ago and is gone."""
    place = error.filename
    if place is not None and not str(place).startswith(f"{root}{os.sep}"):
        return False
    # pathlib and os make a directory unless it is there; where it goes between these two they tell that it is there
    is_gone = isinstance(error, FileExistsError) and (place is None or not os.path.lexists(place))
    return isinstance(error, FileNotFoundError) or is_gone
