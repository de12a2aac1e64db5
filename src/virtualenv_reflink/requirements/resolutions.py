"""Resolutions, remembered for as long as nothing on this machine changes and a time limit allows; locks, for good."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, NamedTuple

from virtualenv_reflink.requirements.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.wheel_cache import WheelCache

_KIND = "resolutions"


class Remembered(NamedTuple):
    """A lock and its age in seconds."""

    lock: Lock
    age: float


class Resolutions:
    """Remembers what given inputs were resolved to."""

    def __init__(self, cache: WheelCache, inputs: Sequence[str]) -> None:
        """Take all texts that decide a resolution."""
        self._cache = cache
        self._key = hashlib.sha256(json.dumps(list(inputs)).encode()).hexdigest()

    def recall(self, lifetime: float) -> Remembered | None:
        """Return what was remembered at most ``lifetime`` seconds ago."""
        text = self._cache.recall(_KIND, self._key)
        if text is None:
            return None
        moment, _, lock = text.partition("\n")
        age = time.time() - float(moment)
        return Remembered(Lock.from_json(lock), age) if 0 <= age <= lifetime else None

    def remember(self, lock: Lock) -> None:
        """Remember ``lock`` as of now."""
        self._cache.keep(_KIND, self._key, f"{time.time()}\n{lock.to_json()}")


def known_lock(path: Path, cache: WheelCache, facts: InterpreterFacts) -> Lock:
    """Return what the pylock.toml at ``path`` has for an interpreter, parsed once for the very same content and place.

    :raises LockError: when it cannot be read, is not valid, or is not for this interpreter.
    """
    from virtualenv_reflink.requirements.lock_files import content_of

    content = content_of(path)
    place = str(path.absolute().parent)
    key = hashlib.sha256(repr((content, place, facts)).encode("utf-8", "surrogateescape")).hexdigest()
    text = cache.recall("locks", key)
    if text is not None:
        lock = Lock.from_json(text)
        if all(package.path is None or package.path.exists() for package in lock.packages):
            return lock
    from virtualenv_reflink.requirements.pylock import read_pylock

    lock = read_pylock(path, content, facts)
    cache.keep("locks", key, lock.to_json())
    return lock
