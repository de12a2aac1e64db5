"""Which packages of a lock need no fetching, since their wheels are unpacked already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.errors import BadWheelError, OtherWheelError
from virtualenv_reflink.requirements.hashes import Hashes, mismatch, strong
from virtualenv_reflink.requirements.lock import is_same_version

if TYPE_CHECKING:
    from pathlib import Path

    from virtualenv_reflink.cache.manifest import UnpackedWheel
    from virtualenv_reflink.cache.wheel_cache import WheelCache
    from virtualenv_reflink.requirements.builds import Builds
    from virtualenv_reflink.requirements.lock import Locked


class CachedWheels:
    """Looks for the wheels of locked packages on this machine."""

    def __init__(self, cache: WheelCache, builds: Builds) -> None:
        """Take the cache, and what was built before."""
        self._cache = cache
        self._builds = builds
        self._hashes = Hashes(cache)

    def key(self, package: Locked) -> str | None:
        """Return the SHA-256 of the wheel of a package, or None where that is not known yet."""
        return self._hashes.sha256(package.hashes) if package.is_wheel else self._builds.find(package)

    def wheel(self, package: Locked) -> UnpackedWheel | None:
        """Return the wheel of a package unpacked, or None where it must be fetched or unpacked first.

        :raises BadWheelError: when it is of another project.
        :raises CacheError: when the cache cannot be trusted.
        """
        key = self.key(package)
        known = self._cache.cached(key) if key else None
        return _checked(package, known) if known else None

    def unpacked(self, package: Locked, wheel: Path) -> UnpackedWheel:
        """Unpack the file that is the wheel of a package.

        :raises BadWheelError: when it is not sound, or not what its hashes say.
        :raises CacheError: when the cache cannot be written.
        """
        if not wheel.is_file():
            raise BadWheelError(str(wheel), "it is not a file" if wheel.exists() else "there is no such file")
        if strong(package.hashes).keys() - {"sha256"}:
            self._hashes.check(wheel, package.hashes)
        try:
            return _checked(package, self._cache.unpacked(wheel, package.sha256))
        except OtherWheelError as error:
            if not package.sha256:
                raise
            raise mismatch(wheel, "sha256", error.digest, package.sha256) from error


def _checked(package: Locked, unpacked: UnpackedWheel) -> UnpackedWheel:
    """Return a wheel that is of the project that was asked for, and unless it was built here of the version too.

    :raises BadWheelError: when it is of another one.
    """
    found, wheel = unpacked.metadata, unpacked.metadata.wheel
    if normalized_name(found.distribution) != normalized_name(package.name):
        raise BadWheelError(wheel, f"it is of {found.distribution}, where {package.name} was asked for")
    if package.is_wheel and package.version and not is_same_version(found.version, package.version):
        raise BadWheelError(wheel, f"its METADATA gives version {found.version}, where {package.version} was asked for")
    return unpacked
