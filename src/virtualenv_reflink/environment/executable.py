"""Where the interpreter of an environment is."""

from __future__ import annotations

import os

from virtualenv_reflink.errors import TargetError


def executable_of(directory: str) -> str:
    """Return the interpreter of the environment at ``directory``.

    :raises TargetError: when it has none.
    """
    inside = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    path = os.path.join(directory, inside)
    if os.path.isfile(path):
        return path
    if os.path.islink(path):
        raise TargetError(f"the interpreter of {directory} is missing: {path} points at {os.path.realpath(path)}")
    raise TargetError(f"{directory} is not an environment: it has no {inside}")
