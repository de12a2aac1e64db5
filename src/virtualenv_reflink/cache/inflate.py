"""Inflating, by the quickest library that is installed: python-isal, else the standard library's zlib."""

from __future__ import annotations

import zlib
from typing import cast

try:
    from isal import isal_zlib as quickest
except ImportError:
    quickest = zlib  # type: ignore[misc]

crc32 = quickest.crc32
decompressobj = quickest.decompressobj
# its stub says that it is an exception, not the type of one
error = cast("type[Exception]", quickest.error)

__all__ = ["crc32", "decompressobj", "error"]
