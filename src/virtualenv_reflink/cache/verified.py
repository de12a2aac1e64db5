"""Read what a wheel holds, and find out whether it is what was promised."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from virtualenv_reflink.cache.promises import Promise
from virtualenv_reflink.cache.record_hash import record_form
from virtualenv_reflink.errors import BadWheelError


class VerifiedStream:
    """A file of a wheel that is hashed while it is read."""

    def __init__(self, raw: BinaryIO, wheel: str, path: str, promises: list[Promise]) -> None:
        self._raw = raw
        self._wheel = wheel
        self._path = path
        self._promises = promises
        self._recorded = next((str(each.algorithm) for each in promises if each.is_strong), "sha256")
        algorithms = {self._recorded, *(str(each.algorithm) for each in promises)}
        self._hashers = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
        self.size = 0

    @property
    def hash(self) -> str:
        """The hash of what was read until now, in the form of RECORD and by the algorithm that it has for the file."""
        return record_form(self._recorded, self._hashers[self._recorded].digest())

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes.

        :raises BadWheelError: when it does not decompress, or at its end when it has none of the hashes in RECORD.
        """
        with reading(self._wheel, f"its entry {self._path!r} cannot be read"):
            data = self._raw.read(size)
        self.size += len(data)
        for hasher in self._hashers.values():
            hasher.update(data)
        if not data and self._promises and not any(map(self._is_kept, self._promises)):
            raise BadWheelError(
                self._wheel,
                f"the hash of {self._path!r} is not the one in RECORD, so it was changed after the wheel was built; "
                "get it again, or have it built again",
            )
        return data

    def _is_kept(self, promise: Promise) -> bool:
        return promise.is_kept_by(self._hashers[str(promise.algorithm)].digest())


@contextmanager
def reading(wheel: str, trouble: str) -> Iterator[None]:
    """Turn whatever a damaged archive makes zipfile and the compressions raise into one sentence.

    :raises BadWheelError: with ``trouble`` and the reason.
    """
    try:
        yield
    except BadWheelError:
        raise
    except Exception as error:  # each compression fails with a type of its own, and a bad offset with OSError
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadWheelError(wheel, f"{trouble} ({reason})") from error
