"""Resolutions, remembered for as long as nothing on this machine changes and a time limit allows; locks, for good."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from virtualenv_reflink.requirements.local_state import state_of_file
from virtualenv_reflink.requirements.lock import Lock, Locked

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.wheel_cache import WheelCache

_KIND = "resolutions"


class StoredResolution(NamedTuple):
    """A lock and its age in seconds."""

    lock: Lock
    age: float


class Resolutions:
    """Remembers what given inputs were resolved to."""

    def __init__(self, cache: "WheelCache", inputs: Sequence[str] | None) -> None:
        """Take all texts that decide a resolution, or None when they cannot be told, so that nothing is remembered."""
        self._cache = cache
        self._key = None if inputs is None else _digest(json.dumps(list(inputs)))

    def find(self, lifetime: float) -> StoredResolution | None:
        """Return what was remembered at most ``lifetime`` seconds ago; archives on this machine must be unchanged."""
        found = self._cache.read_note(_KIND, self._key, _stored_resolution) if self._key else None
        if found is None or not 0 <= found.age <= lifetime:
            return None
        return found if all(self._is_unchanged(package) for package in found.lock.packages) else None

    def store(self, lock: Lock, inputs_now: Sequence[str] | None) -> None:
        """Remember ``lock`` as of now, unless what decides it was changed while it was resolved."""
        if self._key and inputs_now is not None and self._key == _digest(json.dumps(list(inputs_now))):
            self._cache.write_note(_KIND, self._key, f"{time.time()}\n{lock.to_json()}")

    def _is_unchanged(self, package: Locked) -> bool:
        """Return whether an archive on this machine, which an index or a dependency may have named, is as it was."""
        if package.path is None or package.sha256 is None:
            return True
        try:
            return self._cache.fact_of_file("files", package.path, _state, str) == package.sha256
        except OSError:
            return False


def _stored_resolution(text: str) -> StoredResolution:
    moment, _, rows = text.partition("\n")
    return StoredResolution(Lock.from_json(rows), time.time() - float(moment))


def parsed_lock(path: Path, cache: "WheelCache", facts: "InterpreterFacts") -> Lock:
    """Return what the pylock.toml at ``path`` has for an interpreter, parsed once for the very same content and place.

    :raises LockError: when it cannot be read, is not valid, or is not for this interpreter.
    """
    from virtualenv_reflink.requirements.lock_files import content_of

    content = content_of(path)
    key = _digest(repr((content, str(path.absolute().parent), facts)))
    known = cache.read_note("locks", key, Lock.from_json)
    if known is not None and all(map(_is_there, known.packages)):
        return known
    from virtualenv_reflink.requirements.pylock import read_pylock

    lock = read_pylock(path, content, facts)
    cache.write_note("locks", key, lock.to_json())
    return lock


def _is_there(package: Locked) -> bool:
    place = package.place
    return place is None or os.path.exists(place)


def _state(path: Path) -> str:
    return state_of_file(path) or ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
