"""Which environments use which layer, so that no layer in use is ever taken for waste."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.layer_state import LAYER_STATE
from virtualenv_reflink.errors import CacheError
from virtualenv_reflink.layers.startup import PTH

USERS = "users"
# CACHE/LAYOUT/layers/NAME/tree
_TREES_BELOW = 3
_LIBRARIES = ("lib/*/site-packages", "Lib/site-packages")
# as both the state of a layered environment and what its interpreter reads have it
_NAMED = re.compile(rb"/layers/([^/\\\"']+)/tree")


def register_user(cache: WheelCache, layer: str, environment: Path) -> None:
    """Note that an environment uses a layer; where the cache cannot be written, that is forgotten."""
    place = os.path.realpath(environment)
    name = hashlib.sha256(os.fsencode(place)).hexdigest()
    cache.write_note(USERS, f"{layer}-{name}", place)


def register_copy(tree: Path, environment: Path) -> None:
    """Note that a copy of an environment uses the layer whose packages are at ``tree``, in the cache that holds it."""
    with suppress(CacheError):
        register_user(WheelCache(tree.parents[_TREES_BELOW]), tree.parent.name, environment)


def user_note(tree: Path) -> Path:
    """Return what the notes are called of environments that use the layer at ``tree``, but for a suffix of each."""
    return tree.parents[2] / USERS / tree.parent.name


def living_users(cache: WheelCache) -> dict[str, list[Path]]:
    """Return, for each layer that has some, the registered environments that still exist and still name it.

    A snapshot does not use its layer any more. A moved or copied environment is found at its new place once its
    interpreter has run there, or anything was installed into it; until then its layer has no registered user.
    """
    found: dict[str, list[Path]] = {}
    notes = (text for note in cache.store.note_files(USERS) for text in _texts(note))
    for place in sorted({Path(os.fsdecode(text.replace(b"\0", b""))) for text in notes}):
        for layer in _named_by(place):
            found.setdefault(layer, []).append(place)
    return found


def _named_by(environment: Path) -> set[str]:
    paths = (path for each in _LIBRARIES for name in (LAYER_STATE, PTH) for path in environment.glob(f"{each}/{name}"))
    return {os.fsdecode(layer) for path in paths for text in _texts(path) for layer in _NAMED.findall(text)}


def _texts(path: Path) -> Iterator[bytes]:
    # an environment may be deleted while it is looked at
    with suppress(OSError):
        yield path.read_bytes()
