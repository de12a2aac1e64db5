"""The command line of this package, for those who run it in a process of its own."""

from __future__ import annotations

import site
import sys
from pathlib import Path


def own_command(*words: str) -> list[str]:
    """Return the command that runs this package with ``words``.

    The process hears neither PYTHON* variables nor the modules of the working directory, which are the project's.
    """
    # -I would hide a package that is installed for one user alone
    isolated = "-E" if _installed_for_one_user() else "-I"
    return [sys.executable, isolated, "-m", "virtualenv_reflink", *words]


def _installed_for_one_user() -> bool:
    return bool(site.ENABLE_USER_SITE) and Path(__file__).is_relative_to(site.getusersitepackages())
