"""What is noted of environments that share all they can, so that looking at them again takes next to no time."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.cache.layout import VERSION
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.sharing.tally import Tally

_KIND = "deduped"
# The kernel stamps an mtime with a clock that may be this much behind.
_CLOCK_NS = 20_000_000

_Stamp = tuple[str, int, int]
"""The path of a directory, its inode number, and its mtime in nanoseconds."""


class Settlement:
    """Notes what a run made of a set of environments, for as long as no directory of theirs or of the cache changes.

    Files that are added, replaced or deleted change a directory. One that is written in place does not, and has nothing
    to share then.
    """

    def __init__(self, caches: Sequence[Path], roots: Sequence[Path]) -> None:
        """Take the environments and the caches as they are now; it is noted in the first of these.

        :raises CacheError: when others may write to the cache.
        """
        self._store = Store(caches[0])
        self._key = _digest(sorted(map(str, roots)))
        stamps = sorted([*_stamps_below(map(str, roots)), *_stamps_of_wheels(caches)])
        self._is_still = all(mtime_ns < time.time_ns() - _CLOCK_NS for _, _, mtime_ns in stamps)
        # another user may share what this one may not
        self._state = _digest([os.geteuid(), stamps])

    def read(self) -> dict[Path, Tally] | None:
        """Return what the last run made of the same environments, or None where something has changed since."""
        return self._store.read_note(_KIND, self._key, self._parse)

    def write(self, tallies: Mapping[Path, Tally]) -> None:
        """Note what was made of them, unless a later run could make more of them."""
        if self._is_still and all(tally.is_final for tally in tallies.values()):
            rows = [[str(root), *tally] for root, tally in tallies.items()]
            self._store.write_note(_KIND, self._key, json.dumps({"state": self._state, "tallies": rows}))

    def _parse(self, text: str) -> dict[Path, Tally] | None:
        noted = json.loads(text)
        if noted["state"] != self._state:
            return None
        return {Path(root): Tally(*tally) for root, *tally in noted["tallies"]}


def _stamps_below(roots: Iterable[str]) -> Iterator[_Stamp]:
    """Yield the stamp of each directory at or below ``roots``."""
    directories = list(roots)
    while directories:
        directory = directories.pop()
        try:
            yield _stamp(directory)
            directories += [entry.path for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)]
        except OSError:  # not ours to read, or deleted meanwhile
            continue


def _stamps_of_wheels(caches: Sequence[Path]) -> Iterator[_Stamp]:
    """Yield the stamp of each wheel, which changes when something is added to it or taken away."""
    for cache in caches:
        with suppress(FileNotFoundError):
            for entry in os.scandir(cache / VERSION / "wheels"):
                yield _stamp(entry.path)


def _stamp(directory: str) -> _Stamp:
    status = os.lstat(directory)
    return directory, status.st_ino, status.st_mtime_ns


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode("utf-8", "surrogateescape")).hexdigest()
