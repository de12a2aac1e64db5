"""Find the environment that a user names."""

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.question import Question
from virtualenv_reflink.environment.environment import Environment, headers_of
from virtualenv_reflink.environment.executable import executable_of
from virtualenv_reflink.environment.supported import check_not_too_old_to_ask, check_supported
from virtualenv_reflink.errors import TargetError

# Run by the target in isolated mode, with site, which is what makes an environment one.
_QUESTION = """
import os, sys, sysconfig
in_environment = sys.prefix != sys.base_prefix
if in_environment and "venv" in sysconfig.get_scheme_names():
    scheme = "venv"
elif hasattr(sysconfig, "get_preferred_scheme"):
    scheme = sysconfig.get_preferred_scheme("prefix")
else:
    scheme = os.name if os.name == "nt" else "posix_prefix"
marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
answer = {
    "in_environment": in_environment,
    "base_executable": getattr(sys, "_base_executable", None) or sys.executable,
    "version": sys.version_info[:3],
    "prefix": sys.prefix,
    "paths": sysconfig.get_paths(scheme),
    "search_path": [place for place in sys.path if os.path.isdir(place)],
    "marker": None if in_environment or not os.path.exists(marker) else marker,
}
"""


class Target(NamedTuple):
    """What an installation is for.

    ``search_path`` is where the interpreter finds packages, ``managed_by`` the EXTERNALLY-MANAGED file of a Python that
    belongs to somebody else (PEP 668), and ``is_environment`` whether the interpreter is that of an environment.
    ``replaced_in`` is where other versions of what comes into ``environment`` give way, which may be elsewhere.
    """

    environment: Environment
    replaced_in: Environment
    search_path: tuple[Path, ...]
    managed_by: Path | None
    is_environment: bool


class PendingTarget:
    """An interpreter that is telling about itself while this process goes on."""

    def __init__(self, named: str | None) -> None:
        """Start what ``named`` is: an environment's directory, an interpreter, the name or version of one on the PATH.

        Unnamed, it is the active environment, else the interpreter that runs this.

        :raises TargetError: when it is none of these, or does not start.
        """
        self._executable = _executable(named or os.environ.get("VIRTUAL_ENV") or sys.executable)
        self._question = Question(self._executable, _QUESTION)

    def target(self) -> Target:
        """Wait for the answer and return the target.

        :raises TargetError: when it is no Python that runs, or is too old.
        """
        try:
            told = self._question.answer()
        except TargetError:
            check_not_too_old_to_ask(self._executable)
            raise
        check_supported(self._executable, tuple(told["version"]))
        return _target(self._executable, told)


def find_target(named: str | None) -> Target:
    """Ask as :class:`PendingTarget` does, and wait.

    :raises TargetError: as that does.
    """
    return PendingTarget(named).target()


def _target(executable: Path, told: dict) -> Target:  # type: ignore[type-arg]
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
        prefix=Path(told["prefix"]),
    )
    marker = told["marker"] and Path(told["marker"])
    return Target(environment, environment, tuple(map(Path, told["search_path"])), marker, told["in_environment"])


def check_writable(environment: Environment) -> None:
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
    _check_readable(named)
    path = Path(named)
    if path.is_dir():
        return Path(executable_of(named)).absolute()
    if os.sep in named or path.is_file():
        if not path.is_file():
            raise TargetError(f"there is no environment and no interpreter at {named}")
        return path.absolute()
    found = shutil.which(named) or shutil.which(f"python{named}")
    if found is None:
        raise TargetError(f"there is no environment at {named}, and no interpreter of that name on the PATH")
    return Path(found)


def _check_readable(named: str) -> None:
    try:
        os.stat(named)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # it may be the name of one on the PATH
        return
    except OSError as error:
        raise TargetError(f"{named} cannot be read: {error.strerror}; check its disk and who may read it") from error
