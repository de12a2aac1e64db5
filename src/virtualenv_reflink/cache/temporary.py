"""A wheel cache for this process alone, where the one of its user cannot be used."""

from __future__ import annotations

from pathlib import Path

_made: list[Path] = []


def temporary_wheel_cache(told: str, *, beside: Path | None = None) -> Path:
    """Return a new directory that is deleted when this process ends; a warning says what is ``told``.

    It is made beside another one, on its filesystem, or else where temporary files are.

    :raises OSError: when it cannot be made.
    """
    import atexit
    import logging
    import tempfile

    prefix = f"{beside.name}-" if beside else "virtualenv-reflink-"
    _made.append(Path(tempfile.mkdtemp(prefix=prefix, dir=beside and beside.parent)))
    atexit.register(delete_temporary_wheel_caches)
    logging.getLogger(__name__).warning(told)
    return _made[-1]


def delete_temporary_wheel_caches() -> None:
    """Delete what was made for this process alone, if anything was."""
    while _made:
        # hardly any process has made one
        from virtualenv_reflink.cache.staging import Staging

        Staging.discard(_made.pop())


def is_temporary(wheel_cache: Path) -> bool:
    """Return whether a wheel cache is deleted when this process ends."""
    return wheel_cache in _made
