"""Which environments use which layer, so that no layer in use is ever taken for waste."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.installed import LAYER_STATE

_KIND = "users"
_LIBRARIES = ("lib/*/site-packages", "Lib/site-packages")


def register_user(cache: WheelCache, layer: str, environment: Path) -> None:
    """Note that an environment uses a layer; where the cache cannot be written, that is forgotten."""
    place = os.path.realpath(environment)
    name = hashlib.sha256(os.fsencode(place)).hexdigest()
    cache.write_note(_KIND, f"{layer}-{name}", place)


def living_users(cache: WheelCache, layer: str) -> Iterator[Path]:
    """Yield the registered environments of a layer that still exist and still name it.

    A snapshot does not use its layer any more. A moved environment is found at its new place once anything is installed
    into it; until then its layer has no registered user.
    """
    for name, place in cache.notes(_KIND):
        if name.startswith(f"{layer}-") and _names(Path(place), layer):
            yield Path(place)


def _names(environment: Path, layer: str) -> bool:
    for library in _LIBRARIES:
        for state in environment.glob(f"{library}/{LAYER_STATE}"):
            # an environment may be deleted while it is looked at
            with suppress(OSError, UnicodeDecodeError):
                if f"/{layer}/" in state.read_text(encoding="utf-8"):
                    return True
    return False
