"""``python -m virtualenv_reflink``."""

from __future__ import annotations

import sys

from virtualenv_reflink.cli import main

if __name__ == "__main__":
    sys.exit(main())
