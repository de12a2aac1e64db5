"""Amounts and moments as people write and read them."""

from __future__ import annotations

import math
import re
import time
from argparse import ArgumentTypeError
from datetime import datetime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_SECONDS_A_DAY = 24 * 60 * 60


def size_text(number: int) -> str:
    """Return a number of bytes in the unit in which it is short."""
    value, units = float(number), list(_UNITS)
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def day_text(seconds: float) -> str:
    """Return the day of a moment, in seconds since the epoch."""
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def size(text: str) -> int:
    """Return the number of bytes in a text like ``500M`` or ``1.5 GiB``; units are powers of 1024.

    :raises ArgumentTypeError: when it is none.
    """
    match = _SIZE.fullmatch(text.strip())
    number = float(match[1]) * 1024 ** " kmgt".index(match[2].lower() or " ") if match else math.nan
    if not math.isfinite(number):
        raise ArgumentTypeError(f"{text!r} is not a size like 500M or 1.5GiB")
    return int(number)


def moment(text: str) -> float:
    """Return the moment, in seconds since the epoch, that is given so or as an ISO 8601 date and time.

    :raises ArgumentTypeError: when it is neither.
    """
    try:
        # Python 3.10 does not read the Z
        return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else _iso(re.sub("[zZ]$", "+00:00", text))
    except (ValueError, OverflowError, OSError):
        raise ArgumentTypeError(f"{text!r} is neither a date and time like 2026-01-31T12:00 nor a number") from None


def days_ago(days: float) -> float:
    """Return the moment so many days ago, in seconds since the epoch."""
    return time.time() - days * _SECONDS_A_DAY


def _iso(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
