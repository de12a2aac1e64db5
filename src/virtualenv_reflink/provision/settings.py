"""How to go about making or filling an environment."""

import os
from pathlib import Path
from typing import NamedTuple

TEN_MINUTES = 600.0
NINETY_DAYS = 90.0


_temporary: list[Path] = []


class Settings(NamedTuple):
    """How to go about it.

    ``remember_for`` is how long a resolution is good, in seconds. ``cache_max_age`` is after how many days without use
    an entry is taken out of the cache, or 0 for never.
    """

    wheel_cache: Path
    link_mode: str = "auto"
    compile_bytecode: bool = True
    offline: bool = False
    refresh: bool = False
    remember_for: float = TEN_MINUTES
    cache_max_age: float = NINETY_DAYS
    base_caches: tuple[Path, ...] = ()


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


def delete_temporary_wheel_cache() -> None:
    """Delete what :func:`default_wheel_cache` made for this process alone, if it did."""
    if _temporary:
        import shutil

        shutil.rmtree(_temporary.pop(), ignore_errors=True)


def is_temporary(wheel_cache: Path) -> bool:
    """Return whether a wheel cache is deleted when this process ends."""
    return wheel_cache in _temporary


def _temporary_wheel_cache(reason: str) -> Path:
    if not _temporary:
        import atexit
        import logging
        import tempfile

        _temporary.append(Path(tempfile.mkdtemp(prefix="virtualenv-reflink-")))
        atexit.register(delete_temporary_wheel_cache)
        logging.getLogger(__name__).warning(
            "there is no place for a wheel cache (%s), so a temporary one is used; name one with --wheel-cache", reason
        )
    return _temporary[0]
