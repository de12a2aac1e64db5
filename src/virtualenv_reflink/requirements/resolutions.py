"""Resolutions, remembered for as long as nothing on this machine changes and a time limit allows."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, NamedTuple

from virtualenv_reflink.requirements.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Sequence

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
