"""Read small files that may be damaged: a power cut, a cleaner or another program may have had them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_Value = TypeVar("_Value")

# What reading a file and making sense of its text raise when the text is not what was written.
_DAMAGE = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError)


def read_small(path: Path, parse: Callable[[str], _Value]) -> _Value | None:
    """Return what ``parse`` makes of the text of a file.

    A file that is not there, cannot be read, is no UTF-8, or is more than ``parse`` can make sense of counts as absent:
    None is returned.
    """
    try:
        with open(path, "rb") as stream:
            return parse(stream.read().decode("utf-8"))
    except _DAMAGE:
        return None
