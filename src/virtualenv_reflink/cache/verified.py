"""Read what a wheel holds, and find out whether it is what was promised."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from virtualenv_reflink.cache.promises import Promise
from virtualenv_reflink.cache.record_hash import record_form
from virtualenv_reflink.errors import BadWheelError


class VerifiedContent:
    """The content of a file of a wheel, hashed while it is iterated over."""

    def __init__(self, chunks: Iterator[bytes], wheel: str, path: str, promises: list[Promise]) -> None:
        self._chunks = chunks
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

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content piece by piece.

        :raises BadWheelError: when it does not decompress, or at its end when it has none of the hashes in RECORD.
        """
        while data := self._next_chunk():
            self.size += len(data)
            for hasher in self._hashers.values():
                hasher.update(data)
            yield data
        if self._promises and not any(map(self._is_kept, self._promises)):
            raise BadWheelError(
                self._wheel,
                f"the hash of {self._path!r} is not the one in RECORD, so it was changed after the wheel was built; "
                "get it again, or have it built again",
            )

    def _next_chunk(self) -> bytes:
        """Return some of what is left, nothing at the end."""
        try:
            return next(self._chunks, b"")
        except Exception as error:
            raise unreadable(self._wheel, f"its entry {self._path!r} cannot be read", error) from error

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
    except Exception as error:
        raise unreadable(wheel, trouble, error) from error


def unreadable(wheel: str, trouble: str, error: Exception) -> BadWheelError:
    """Return what to raise for whatever zipfile and the compressions raise: each fails with a type of its own."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return BadWheelError(wheel, f"{trouble} ({reason})")
