"""Whether two files lie on the same bytes of the disk."""

from __future__ import annotations

import os

from virtualenv_reflink.filesystem.extents import extents, is_same_data


def shares_all_extents(path: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether every byte of ``path`` lies on disk where the same byte of ``other`` lies."""
    ours = extents(path)
    return all(extent.shared for extent in ours) and is_same_data(ours, extents(other))
