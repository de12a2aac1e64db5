"""Whose word the cache is taken for: nobody else may write to any directory on the way to what is used."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from virtualenv_reflink.errors import CacheError

ELSEWHERE = "choose another with --wheel-cache"
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def check_root(root: Path, advice: str = ELSEWHERE) -> bool:
    """Return whether there is a cache at ``root``; ``advice`` ends each message.

    A group may write to the root, which its owner may have made with a umask that permits that: what is in it is
    checked in its turn, and must be no link.

    :raises CacheError: when another user owns it, everybody may write to it, or it is no directory.
    """
    try:
        status = os.stat(root)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise CacheError(f"the wheel cache {root} cannot be read: {error.strerror}; {advice}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise CacheError(f"the wheel cache {root} is not a directory; {advice}")
    _check_owner(root, status, advice)
    if sys.platform != "win32" and status.st_mode & stat.S_IWOTH:
        raise CacheError(
            f"the wheel cache {root} can be written by every user of this machine; run chmod o-w on it, or {advice}"
        )
    return True


def check_inside(root: Path, directory: str, advice: str = ELSEWHERE) -> os.stat_result | None:
    """Return the status of ``directory``, somewhere in the cache at ``root``, or None where there is none.

    ``advice`` ends each message.

    :raises CacheError: when another user owns it, others than its owner may write to it, or it is no directory.
    """
    try:
        status = os.lstat(directory)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CacheError(f"{directory} in the wheel cache cannot be read: {error.strerror}; {advice}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise CacheError(f"{directory} in the wheel cache is not a directory; delete it, or {advice}")
    _check_owner(directory, status, advice)
    if sys.platform != "win32" and status.st_mode & _OTHERS:
        raise CacheError(
            f"{directory} in the wheel cache can be written by others than its owner; "
            f"run chmod -R go-w {root}, or {advice}"
        )
    return status


def _check_owner(directory: str | Path, status: os.stat_result, advice: str) -> None:
    if sys.platform != "win32" and status.st_uid not in {os.geteuid(), 0}:
        raise CacheError(f"the wheel cache {directory} belongs to another user (uid {status.st_uid}); {advice}")
