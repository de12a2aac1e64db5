"""The command that installs into an environment, for tools that run it in a process of its own."""

from __future__ import annotations

from pathlib import Path

from virtualenv_reflink.provision.own_command import own_command


def install_command(environment: Path | str) -> list[str]:
    """Return the beginning of a command that installs into ``environment`` as ``pip install`` would."""
    return own_command("install", "-p", str(environment))
