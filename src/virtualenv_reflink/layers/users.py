"""Which environments use which layer, so that no layer in use is ever taken for waste."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.installed import LAYER_STATE

_KIND = "roots"


def register_root(cache: WheelCache, layer: str, environment: Path) -> None:
    """Note that an environment uses a layer; where the cache cannot be written, that is forgotten."""
    place = os.path.realpath(environment)
    name = hashlib.sha256(os.fsencode(place)).hexdigest()
    cache.keep(_KIND, f"{layer}-{name}", place)


def living_roots(cache: WheelCache, layer: str) -> Iterator[Path]:
    """Yield the registered environments of a layer that still exist and still name it.

    A snapshot is nobody's root: it needs its layer no longer. A moved environment is found at its new place once
    anything is installed into it; until then its layer has no registered root.
    """
    for name, place in cache.kept(_KIND):
        if name.startswith(f"{layer}-") and _names(Path(place), layer):
            yield Path(place)


def _names(environment: Path, layer: str) -> bool:
    states = [
        state
        for library in ("lib/python*/site-packages", "Lib/site-packages")
        for state in environment.glob(f"{library}/{LAYER_STATE}")
    ]
    return any(f"/{layer}/" in state.read_text(encoding="utf-8") for state in states)
