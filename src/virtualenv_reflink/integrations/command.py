"""The command line of this package, for tools that run it in a process of its own."""

from __future__ import annotations

import site
import sys
from pathlib import Path


def install_command(environment: Path | str) -> list[str]:
    """Return the beginning of a command that installs into ``environment`` as ``pip install`` would.

    The process hears neither PYTHON* variables nor the modules of the working directory, which are the project's.
    """
    # -I would hide a package that is installed for one user alone
    isolated = "-E" if _installed_for_one_user() else "-I"
    return [sys.executable, isolated, "-m", "virtualenv_reflink", "install", "-p", str(environment)]


def _installed_for_one_user() -> bool:
    return bool(site.ENABLE_USER_SITE) and Path(__file__).is_relative_to(site.getusersitepackages())
