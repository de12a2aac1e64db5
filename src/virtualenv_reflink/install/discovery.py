"""Find the environment that a user names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.errors import TargetError
from virtualenv_reflink.install.environment import Environment, headers_of

# Run by the target in isolated mode, with site, which is what makes an environment one.
_QUESTION = """
import json, os, sys, sysconfig
in_environment = sys.prefix != sys.base_prefix
if in_environment and "venv" in sysconfig.get_scheme_names():
    scheme = "venv"
elif hasattr(sysconfig, "get_preferred_scheme"):
    scheme = sysconfig.get_preferred_scheme("prefix")
else:
    scheme = os.name if os.name == "nt" else "posix_prefix"
marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
print(json.dumps({
    "in_environment": in_environment,
    "base_executable": getattr(sys, "_base_executable", None) or sys.executable,
    "version": sys.version_info[:3],
    "paths": sysconfig.get_paths(scheme),
    "search_path": [place for place in sys.path if os.path.isdir(place)],
    "marker": None if in_environment or not os.path.exists(marker) else marker,
}))
"""


class Target(NamedTuple):
    """What an installation is for.

    ``search_path`` is where the interpreter finds packages, ``managed_by`` the EXTERNALLY-MANAGED file of a Python that
    belongs to somebody else (PEP 668).
    """

    environment: Environment
    search_path: tuple[Path, ...]
    managed_by: Path | None


def find_target(named: str | None) -> Target:
    """Return what ``named`` is: an environment's directory, an interpreter, the name or version of one on the PATH.

    Unnamed, it is the active environment, else the interpreter that runs this.

    :raises TargetError: when it is none of these, or does not run.
    """
    executable = _executable(named or os.environ.get("VIRTUAL_ENV") or sys.executable)
    told = _ask(executable)
    paths = told["paths"]
    root = Path(paths["data"])
    version = (told["version"][0], told["version"][1], told["version"][2])
    environment = Environment(
        root=root,
        executable=executable,
        base_executable=Path(told["base_executable"]),
        version=version,
        purelib=Path(paths["purelib"]),
        platlib=Path(paths["platlib"]),
        scripts=Path(paths["scripts"]),
        headers=headers_of(root, version) if told["in_environment"] else Path(paths["include"]),
        data=root,
    )
    marker = told["marker"] and Path(told["marker"])
    return Target(environment, tuple(map(Path, told["search_path"])), marker)


def into_directory(target: Target, directory: Path) -> Target:
    """Return the target that is a plain directory of packages for the interpreter of another, as pip's ``--target``."""
    headers = directory / "include" / "python"
    environment = target.environment._replace(
        root=directory,
        purelib=directory,
        platlib=directory,
        scripts=directory / "bin",
        headers=headers,
        data=directory,
    )
    return Target(environment, (directory,), None)


def insist_on_writable(environment: Environment) -> None:
    """Refuse a target that files cannot be put into.

    :raises TargetError: naming the directory.
    """
    for place in (*environment.libraries, environment.scripts):
        existing = place
        while not existing.exists():
            existing = existing.parent
        if not os.access(existing, os.W_OK | os.X_OK):
            raise TargetError(f"{existing} is not writable, so nothing can be installed there; use an environment")


def _executable(named: str) -> Path:
    path = Path(named)
    if path.is_dir():
        inside = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if not inside.exists():
            raise TargetError(f"{named} is not an environment: it has no {inside.relative_to(path)}")
        return inside.absolute()
    if os.sep in named or path.is_file():
        if not path.is_file():
            raise TargetError(f"there is no environment and no interpreter at {named}")
        return path.absolute()
    found = shutil.which(named) or shutil.which(f"python{named}")
    if found is None:
        raise TargetError(f"there is no environment at {named}, and no interpreter of that name on the PATH")
    return Path(found)


def _ask(executable: Path) -> dict:  # type: ignore[type-arg]
    command = [str(executable), "-I", "-c", _QUESTION]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told: dict = json.loads(done.stdout)  # type: ignore[type-arg]
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        detail = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        raise TargetError(f"{executable} is not a Python interpreter that runs: {detail}") from error
    return told
