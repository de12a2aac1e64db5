"""How to go about making or filling an environment."""

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.temporary import temporary_wheel_cache

TEN_MINUTES = 600.0
NINETY_DAYS = 90.0


class Settings(NamedTuple):
    """How to go about it.

    ``remember_for`` is how long a resolution is good, in seconds. ``cache_max_age`` is after how many days without use
    an entry is taken out of the cache, or 0 for never. ``resolver`` is who resolves. ``share_memory`` tells whether
    shared objects are to be hard links to the cache.
    """

    wheel_cache: Path
    link_mode: str = "auto"
    compile_bytecode: bool = True
    offline: bool = False
    refresh: bool = False
    remember_for: float = TEN_MINUTES
    cache_max_age: float = NINETY_DAYS
    base_caches: tuple[Path, ...] = ()
    resolver: str = "pip"
    share_memory: bool = False


def default_wheel_cache() -> Path:
    """Return where the wheel cache of this user is, unless another place is chosen.

    Where this user has no place for it, that is a directory for this process alone, of which a warning tells.
    """
    from platformdirs import user_cache_path

    try:
        place = user_cache_path("virtualenv-reflink", appauthor=False)
    except RuntimeError:
        return _temporary_wheel_cache("there is no home directory")
    if not place.is_absolute():
        return _temporary_wheel_cache(f"{place} is not an absolute path")
    existing = next(parent for parent in (place, *place.parents) if os.path.exists(parent))
    if existing != place and not os.access(existing, os.W_OK | os.X_OK):
        return _temporary_wheel_cache(f"{existing} cannot be written")
    return place


@cache
def _temporary_wheel_cache(reason: str) -> Path:
    return temporary_wheel_cache(
        f"there is no place for a wheel cache ({reason}), so a temporary one is used; name one with --wheel-cache"
    )
