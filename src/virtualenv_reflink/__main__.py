"""``python -m virtualenv_reflink`` and ``virtualenv-reflink``."""

from __future__ import annotations

import signal


def script() -> None:
    """Run a command as a process of its own; until that is imported, Ctrl-C ends it without a word."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from virtualenv_reflink.cli import script as run

    run()


if __name__ == "__main__":
    script()
