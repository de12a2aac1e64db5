"""``python -m virtualenv_reflink``."""

from __future__ import annotations

from virtualenv_reflink.cli import script

if __name__ == "__main__":
    script()
