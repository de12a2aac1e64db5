"""The variables that a build may read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

# compiled when it is first used: most requests build nothing
_OF_A_SESSION = (
    r"_|PWD|OLDPWD|SHLVL|TERM.*|COLORTERM|COLUMNS|LINES|DISPLAY|WAYLAND_DISPLAY|WINDOWID|PS[0-9]|PROMPT.*|LS_COLORS"
    r"|SSH_.*|XDG_(SESSION|SEAT|VTNR|RUNTIME|CURRENT).*|DBUS_.*|TMUX.*|STY|LESS.*|PAGER|EDITOR|VISUAL|MAIL"
    r"|TMPDIR|TMP|TEMP|RANDOM|HIST.*|PYTEST_.*|COV_.*|VIRTUALENV_.*"
)


def build_environment(environ: Mapping[str, str]) -> str:
    """Return a SHA-256 of all variables but those that only describe a session or are read by us alone."""
    told = sorted((name, value) for name, value in environ.items() if not re.fullmatch(_OF_A_SESSION, name))
    return hashlib.sha256(repr(told).encode("utf-8", "surrogateescape")).hexdigest()
