"""Whether a change to an environment has begun and not ended."""

from __future__ import annotations

import os

JOURNAL_NAME = ".virtualenv-reflink-journal"
"""The directory in the root of an environment that tells of a change, there only while it is made."""


def is_interrupted(root: str) -> bool:
    """Return whether the environment at ``root`` may hold half of a change."""
    return os.path.lexists(os.path.join(root, JOURNAL_NAME))
