"""Where pip puts packages with ``--target``, ``--prefix``, ``--root`` and ``--user``.

The rules are those of ``get_scheme`` in pip's ``locations/_sysconfig.py``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from virtualenv_reflink.cache.question import Question
from virtualenv_reflink.environment.discovery import Target
from virtualenv_reflink.environment.environment import Environment, headers_of
from virtualenv_reflink.errors import TargetError

# Debian's posix_local and Apple's osx_framework_library are for the system's own prefix only.
_PREFIX_QUESTION = """
import os, sys, sysconfig
if hasattr(sysconfig, "get_preferred_scheme"):
    scheme = sysconfig.get_preferred_scheme("prefix")
else:
    own = (sys.implementation.name + "_" + os.name, sys.implementation.name, os.name)
    scheme = next((name for name in own if name in sysconfig.get_scheme_names()), "posix_prefix")
if scheme in ("posix_local", "osx_framework_library"):
    scheme = "posix_prefix"
names = ("installed_base", "base", "installed_platbase", "platbase", "prefix", "exec_prefix", "userbase")
answer = sysconfig.get_paths(scheme, vars=dict.fromkeys(names, {prefix!r}))
"""
# The working directory comes first where a command is run that is not isolated; what is in it is no part of Python.
_USER_QUESTION = """
import sys
sys.path[:] = [place for place in sys.path if place]
import os, site, sysconfig
if hasattr(sysconfig, "get_preferred_scheme"):
    scheme = sysconfig.get_preferred_scheme("user")
else:
    scheme = os.name + "_user"
answer = {
    "is_seen": bool(site.ENABLE_USER_SITE),
    "paths": sysconfig.get_paths(scheme),
    "search_path": [place for place in sys.path if os.path.isdir(place)],
}
"""


def into_directory(target: Target, directory: Path) -> Target:
    """Return the target that is a plain directory of packages for the interpreter of another, as pip's ``--target``."""
    environment = target.environment.with_all_in(directory)._replace(
        scripts=directory / "bin",
        headers=directory / "include" / "python",
        apart="it is a plain directory of packages",
    )
    return Target(environment, environment, (directory,), None, is_environment=False)


def below_prefix(target: Target, prefix: Path) -> Target:
    """Return the target that has another prefix for the same interpreter, as pip's ``--prefix``.

    :raises TargetError: when the interpreter does not tell its scheme.
    """
    paths = Question(target.environment.executable, _PREFIX_QUESTION.format(prefix=str(prefix))).answer()
    return _moved(target, _with(target, paths, "it has a prefix of its own"))


def below_root(target: Target, root: Path) -> Target:
    """Return the target that has the directory ``root`` in the place of the root directory, as pip's ``--root``."""

    def below(place: Path) -> Path:
        return root / place.absolute().relative_to(place.absolute().anchor)

    own = target.environment
    environment = own._replace(
        root=below(own.root),
        purelib=below(own.purelib),
        platlib=below(own.platlib),
        scripts=below(own.scripts),
        headers=below(own.headers),
        data=below(own.data),
        apart="it has a root directory of its own",
    )
    return _moved(target, environment)


def for_user(target: Target) -> Target:
    """Return the target that is the directory of the user's own packages, as pip's ``--user``.

    :raises TargetError: when the interpreter does not look for those.
    """
    python = target.environment.executable
    told = Question(python, _USER_QUESTION, options=()).answer()
    if not told["is_seen"]:
        raise TargetError(f"{python} does not look for the user's own packages, so --user cannot be used; leave it out")
    paths = told["paths"]
    environment = _with(target, paths, "it is the directory of the user's own packages")
    # for an environment, the user's own packages are outside, where nothing gives way
    replaced_in = target.environment if target.is_environment else environment
    search_path = tuple(map(Path, told["search_path"]))
    return target._replace(environment=environment, replaced_in=replaced_in, search_path=search_path)


def _with(target: Target, paths: dict[str, Any], apart: str) -> Environment:
    environment, root = target.environment, Path(paths["data"])
    return environment._replace(
        root=root,
        purelib=Path(paths["purelib"]),
        platlib=Path(paths["platlib"]),
        scripts=Path(paths["scripts"]),
        headers=headers_of(root, environment.version) if target.is_environment else Path(paths["include"]),
        data=root,
        apart=apart,
    )


def _moved(target: Target, environment: Environment) -> Target:
    """Return a target with another place; one that turns out to be the interpreter's own is that."""
    roots = {os.path.realpath(each.root) for each in (environment, target.environment)}
    return target._replace(environment=environment) if len(roots) > 1 else target
