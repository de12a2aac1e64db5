"""How the kernel writes paths into its tables, see proc_pid_mountinfo(5) and proc_pid_maps(5)."""

from __future__ import annotations

import os
import re

_OCTAL = rb"\\([0-7]{3})"


def unescaped(path: bytes) -> str:
    """Return a path, of which the kernel has written some characters as a backslash and three octal digits."""
    return os.fsdecode(re.sub(_OCTAL, lambda code: bytes([int(code[1], 8) & 0xFF]), path))
