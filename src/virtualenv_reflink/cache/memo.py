"""Facts about a file, remembered for as long as its stat does not change."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from virtualenv_reflink.cache.store import Store

_Value = TypeVar("_Value")

# A file changed this recently could change again without a new timestamp, so nothing is remembered of it yet.
_RACY_NS = 2_000_000_000


def memoized(
    store: Store, kind: str, subject: Path, compute: Callable[[Path], str], parse: Callable[[str], _Value]
) -> _Value:
    """Return what ``parse`` makes of ``compute(subject)``, computed once for the very same file.

    A text under ``kind`` of which it can make nothing is computed again; a memo that cannot be written is no error.

    :raises OSError: when ``subject`` cannot be read.
    """
    real = os.path.realpath(subject)
    status = os.stat(real)
    identity = (real, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    key = hashlib.sha256(repr(identity).encode("utf-8", "surrogateescape")).hexdigest()
    known = store.read_note(kind, key, parse)
    if known is not None:
        return known
    text = compute(subject)
    fact = parse(text)
    if time.time_ns() - status.st_ctime_ns > _RACY_NS:
        store.write_note(kind, key, text)
    return fact
