"""``python -m virtualenv_reflink``, ``virtualenv-reflink`` and ``pipx-reflink``."""

from __future__ import annotations

import signal


def script() -> None:
    """Run a command as a process of its own."""
    _end_silently_on_interrupts()
    from virtualenv_reflink.cli import script as run

    run()


def pipx_script() -> None:
    """Run pipx as a process of its own."""
    _end_silently_on_interrupts()
    from virtualenv_reflink.integrations.pipx.script import script as run

    run()


def _end_silently_on_interrupts() -> None:
    """Have Ctrl-C end the process without a word, until what answers it is imported."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    script()
