"""What somebody deletes and makes at the same time as the cache does: it is made, or was lost, and never in the way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from virtualenv_reflink.cache.errors import explained
from virtualenv_reflink.cache.modes import make_directories
from virtualenv_reflink.errors import CacheError, CacheLostError

_OFTEN = 50_000
_MAKE_AND_DELETE = """\
import os, sys
from contextlib import suppress
while True:
    for change in os.mkdir, os.rmdir:
        with suppress(OSError):
            change(sys.argv[1])
"""


@pytest.fixture
def flickering(tmp_path: Path) -> Iterator[Path]:
    """A directory in a cache that another process makes and deletes all the time."""
    directory = tmp_path / "cache" / "flickering"
    directory.parent.mkdir()
    with subprocess.Popen([sys.executable, "-c", _MAKE_AND_DELETE, directory]) as process:
        yield directory
        process.kill()


def test_a_directory_is_there_or_was_lost(flickering: Path) -> None:
    for _ in range(_OFTEN):
        try:
            make_directories(str(flickering))
        except FileNotFoundError:
            continue


def test_what_was_in_the_way_and_is_gone_was_lost(flickering: Path) -> None:
    lost = in_the_way = 0
    for _ in range(_OFTEN):
        try:
            with explained(flickering.parent):
                # as pathlib and filelock do it
                flickering.mkdir(exist_ok=True)
        except CacheLostError:
            lost += 1
        except CacheError:
            in_the_way += 1
    # who looks once more may find that it is back
    assert lost > in_the_way


def test_what_stays_in_the_way_was_not_lost(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_directories(str(tmp_path / "file"))
    with pytest.raises(CacheError, match="cannot be written: File exists") as caught, explained(tmp_path):
        (tmp_path / "file").mkdir(exist_ok=True)
    assert not isinstance(caught.value, CacheLostError)
