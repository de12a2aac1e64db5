"""Facts about a file, remembered for as long as its stat does not change."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from virtualenv_reflink.cache.store import Store

# A file changed this recently could change again without a new timestamp, so nothing is remembered of it yet.
_RACY_NS = 2_000_000_000


def remembered(store: Store, kind: str, subject: Path, compute: Callable[[Path], str]) -> str:
    """Return ``compute(subject)``, computed once for the very same file and kept under ``kind``.

    :raises OSError: when ``subject`` cannot be read; a memo that cannot be written is no error.
    """
    real = os.path.realpath(subject)
    status = os.stat(real)
    identity = (real, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    memo = store.path(kind) / hashlib.sha256(repr(identity).encode("utf-8", "surrogateescape")).hexdigest()
    try:
        return memo.read_text(encoding="utf-8")
    except OSError:
        fact = compute(subject)
    if time.time_ns() - status.st_ctime_ns > _RACY_NS:
        store.remember(memo, fact)
    return fact
