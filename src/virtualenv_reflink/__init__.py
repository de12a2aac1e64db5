"""Unpack every wheel once, then put it into each environment without copying it."""

from __future__ import annotations

# as typing has it, whose import every command and virtualenv itself would pay for
TYPE_CHECKING = False
if TYPE_CHECKING:
    from virtualenv_reflink.forking.fork import fork as fork
    from virtualenv_reflink.sharing.dedupe import dedupe as dedupe

# What other programs may call, and where it is: imported when it is asked for, as most only need a part of the rest.
_PUBLIC = {
    "dedupe": "virtualenv_reflink.sharing.dedupe",
    "fork": "virtualenv_reflink.forking.fork",
}


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)
