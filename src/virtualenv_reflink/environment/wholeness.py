"""Which distributions a power cut has left without all of their content.

Filesystems write out that a file exists before what is in it, and the latter page by page, within a minute or so.
Looking at the sizes of all files takes 100 ms for 40,000 of them, so each distribution is looked at only until it was
found whole when its content had certainly been written out.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.installed import Installed, installed_in

_KIND = "whole"
# of the smallest pages that kernels write out
_PAGE_BYTES = 4096
# kernels write out within 30 s, and filesystems commit within 30 s more
_WRITTEN_OUT_NS = 120_000_000_000


class Wholeness:
    """Looks at the distributions of one environment, and notes in the cache which of them were found whole for good."""

    def __init__(self, cache: WheelCache, root: Path) -> None:
        """Take the cache, and the root of the environment."""
        self._cache = cache
        self._key = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()

    def cut_short(self, search_path: Sequence[Path]) -> frozenset[str]:
        """Return the normalized names of the distributions on ``search_path`` that are not whole."""
        noted = self._cache.read_note(_KIND, self._key, _parse) or {}
        whole, cut = {}, set()
        for distribution in (found for place in search_path for found in installed_in(place)):
            record = str(distribution.path / "RECORD")
            written_ns = _written_ns(record)
            if noted.get(record) == written_ns:
                whole[record] = written_ns
            elif is_cut_short(distribution):
                cut.add(distribution.name)
            elif time.time_ns() - written_ns > _WRITTEN_OUT_NS:
                whole[record] = written_ns
        if whole != noted:
            self._cache.write_note(_KIND, self._key, json.dumps(whole))
        return frozenset(cut)


def is_cut_short(distribution: Installed) -> bool:
    """Return whether files of a distribution are shorter than its RECORD lists, or RECORD itself is.

    Files that were edited since, or deleted, are no sign of a power cut.
    """
    try:
        text = (distribution.path / "RECORD").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    if not text.endswith("\n"):
        return True
    library = distribution.path.parent
    with suppress(csv.Error):
        return any(_is_cut(f"{library}/{row[0]}", row[2]) for row in csv.reader(text.splitlines()) if len(row) == 3)
    return False


def _is_cut(path: str, listed: str) -> bool:
    if not listed.isdecimal():
        return False
    with suppress(OSError):
        size = os.lstat(path).st_size
        return size < int(listed) and size % _PAGE_BYTES == 0
    return False


def _written_ns(path: str) -> int:
    with suppress(OSError):
        return os.stat(path).st_mtime_ns
    return 0


def _parse(text: str) -> dict[str, int]:
    return {str(record): int(written_ns) for record, written_ns in json.loads(text).items()}
