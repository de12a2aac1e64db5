"""What became of the files of an environment."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from virtualenv_reflink.sharing.candidates import SMALL
from virtualenv_reflink.sharing.groups import INLINE, Handled

_SMALL_FILES = f"at most {SMALL} bytes"
# what no later run could change
_FINAL = frozenset({_SMALL_FILES, INLINE})


class Tally(NamedTuple):
    """Numbers of files, and of bytes.

    ``shared`` got the data of other files, so that ``given_back`` bytes of disk are used no more; ``already`` had them
    before. ``passed_over`` has numbers of files by reason.
    """

    shared: int
    given_back: int
    already: int
    passed_over: dict[str, int]

    @property
    def is_final(self) -> bool:
        """Whether there is nothing left to share, as long as nothing is added to the environment."""
        return _FINAL.issuperset(self.passed_over)


class Counting:
    """Counts what becomes of the files of an environment."""

    def __init__(self, small: int) -> None:
        """Begin with the number of files that are too small."""
        self._shared = self._given_back = self._already = 0
        self._passed_over = Counter({_SMALL_FILES: small} if small else {})

    def add(self, handled: Handled) -> None:
        """Count a file."""
        if handled.reason is not None:
            self._passed_over[handled.reason] += 1
        elif handled.shared:
            self._shared += 1
            self._given_back += handled.given_back
        else:
            self._already += 1

    def tally(self) -> Tally:
        """Return what was counted."""
        return Tally(self._shared, self._given_back, self._already, dict(self._passed_over))
