"""What an installation made, so that a failed one can be taken back."""

from __future__ import annotations

import os
from contextlib import suppress


class Journal:
    """The files and directories made so far, in order."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.directories: list[str] = []

    def undo(self) -> None:
        """Delete all of it; what is gone or in use already is left alone."""
        for path in reversed(self.files):
            with suppress(OSError):
                os.unlink(path)
        for path in reversed(self.directories):
            with suppress(OSError):
                os.rmdir(path)
