"""How to go about making or filling an environment."""

from pathlib import Path
from typing import NamedTuple

TEN_MINUTES = 600.0


class Settings(NamedTuple):
    """How to go about it; ``remember_for`` is how long a resolution is good, in seconds."""

    wheel_cache: Path
    link_mode: str = "auto"
    compile_bytecode: bool = True
    offline: bool = False
    refresh: bool = False
    remember_for: float = TEN_MINUTES


def default_wheel_cache() -> Path:
    """Return where the wheel cache of this user is, unless another place is chosen."""
    from platformdirs import user_cache_path

    return user_cache_path("virtualenv-reflink", appauthor=False)
