"""The hashes of an archive that a lock or an index gives; each strong one must be right."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.errors import BadWheelError

if TYPE_CHECKING:
    from virtualenv_reflink.cache.wheel_cache import WheelCache

CHECKED_BY_PIP = ("sha512", "sha384", "sha256")
"""The strong hashes that pip knows, the strongest first."""
_OTHERS = ("sha3_512", "sha3_384", "sha3_256", "blake2b", "blake2s")
_HEX_DIGITS = {name: hashlib.new(name).digest_size * 2 for name in (*CHECKED_BY_PIP, *_OTHERS)}
_BLOCK = 1 << 20
_KIND = "hashes"


def strong(hashes: Mapping[str, str]) -> dict[str, str]:
    """Return those that nobody can find another archive for, in lower case."""
    return {name: str(hashes[name]).lower() for name in _HEX_DIGITS if name in hashes}


def malformed(hashes: Mapping[str, str]) -> str | None:
    """Return the name of a strong hash that is not one, or None."""
    for name, value in strong(hashes).items():
        if not re.fullmatch(rf"[0-9a-f]{{{_HEX_DIGITS[name]}}}", value):
            return name
    return None


class Hashes:
    """Remembers which archives have which other strong hashes, as the cache knows them by their SHA-256."""

    def __init__(self, cache: WheelCache) -> None:
        self._cache = cache

    def sha256(self, hashes: Mapping[str, str]) -> str | None:
        """Return the SHA-256 of the archive with all of these hashes, or None where they were never checked."""
        wanted = strong(hashes)
        keys = {self._sha256(name, value) for name, value in wanted.items()}
        return keys.pop() if len(keys) == 1 else None

    def check(self, archive: Path, hashes: Mapping[str, str]) -> None:
        """Compare an archive with all strong hashes, and remember that they are right.

        :raises BadWheelError: when one differs, or the archive cannot be read.
        """
        wanted = strong(hashes)
        found = _digests(archive, {"sha256", *wanted})
        for name, value in wanted.items():
            if found[name] != value:
                raise mismatch(archive, name, found[name], value)
        for name in wanted.keys() - {"sha256"}:
            self._cache.write_note(_KIND, f"{name}-{found[name]}", found["sha256"])

    def _sha256(self, name: str, value: str) -> str | None:
        return value if name == "sha256" else self._cache.read_shared_note(_KIND, f"{name}-{value}", str)


def mismatch(archive: Path, name: str, found: str, wanted: str) -> BadWheelError:
    """Return the error that tells of a hash that differs."""
    title = re.sub(r"^SHA(?=\d{3})", "SHA-", name.upper()).replace("_", "-")
    return BadWheelError(archive.name, f"its {title} is {found}, where {wanted} was locked; get the right file")


def _digests(archive: Path, names: set[str]) -> dict[str, str]:
    hashers = {name: hashlib.new(name) for name in names}
    try:
        with archive.open("rb") as stream:
            while block := stream.read(_BLOCK):
                for hasher in hashers.values():
                    hasher.update(block)
    except OSError as error:
        raise BadWheelError(str(archive), f"it cannot be read ({error.strerror})") from error
    return {name: hasher.hexdigest() for name, hasher in hashers.items()}
