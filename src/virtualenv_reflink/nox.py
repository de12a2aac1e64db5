"""``virtualenv_reflink.nox.install(session, ...)`` for ``session.install(...)`` in a noxfile."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virtualenv_reflink.integrations.command import install_command

if TYPE_CHECKING:
    from nox import Session

_OURS = ("virtualenv", "venv", "uv")


def install(session: Session, *args: str, silent: bool | None = None, **kwargs: Any) -> None:
    """Install into the environment of ``session`` as ``session.install`` does, from the wheel cache.

    Arguments and keywords are those of ``session.install``. What nox does not let pip install into, or leaves to
    conda, stays nox's to refuse or to do.

    :raises ValueError: when there is nothing to install.
    """
    if not args or session.venv_backend not in _OURS:
        session.install(*args, silent=_told_to_be_silent(silent), **kwargs)
        return
    command = install_command(Path(session.bin).parent)
    kwargs["external"] = True
    session.run_install(*command, *args, silent=_told_to_be_silent(silent), **kwargs)


def _told_to_be_silent(silent: bool | None) -> bool:
    """Return whether output is hidden unless the command fails: that is nox's way without ``--verbose``."""
    from nox.logger import OUTPUT

    return not logging.getLogger().isEnabledFor(OUTPUT) if silent is None else silent
