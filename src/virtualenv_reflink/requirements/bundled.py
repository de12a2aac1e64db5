"""The wheels that virtualenv brings along."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.errors import ReflinkError

if TYPE_CHECKING:
    from virtualenv_reflink.cache.wheel_cache import WheelCache


def bundled_wheel(cache: WheelCache, distribution: str, version: tuple[int, int, int]) -> Path:
    """Return virtualenv's bundled wheel of a distribution for a version of Python.

    A Python that is newer than all that virtualenv bundles for gets what the newest of them gets, as from virtualenv.

    What is bundled is asked of virtualenv once, as importing it takes longer than making an environment.

    :raises ReflinkError: when virtualenv bundles none.
    """
    spec = importlib.util.find_spec("virtualenv")
    if spec is None or spec.origin is None:
        raise ReflinkError("virtualenv is not installed beside virtualenv-reflink; install it again")
    bundle = Path(spec.origin).parent / "seed" / "wheels" / "embed" / "__init__.py"
    minor = f"{version[0]}.{version[1]}"
    try:
        bundles = cache.fact_of_file("bundles", bundle, _bundled, _wheels_by_version)
        newest = max(bundles, key=_release)
        return Path(bundles[newest if version[:2] > _release(newest) else minor][distribution])
    except (LookupError, ValueError, OSError) as error:
        raise ReflinkError(f"virtualenv bundles no {distribution} for Python {minor}; upgrade virtualenv") from error


def _release(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))


def _wheels_by_version(text: str) -> dict[str, dict[str, str]]:
    return {minor: dict(wheels) for minor, wheels in json.loads(text).items()}


def _bundled(_: Path) -> str:
    from virtualenv.seed.wheels.embed import BUNDLE_FOLDER, BUNDLE_SUPPORT

    return json.dumps(
        {
            minor: {name: str(BUNDLE_FOLDER / wheel) for name, wheel in wheels.items()}
            for minor, wheels in BUNDLE_SUPPORT.items()
        }
    )
