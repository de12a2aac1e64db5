"""The environment that is forked: what it is, as far as its own files tell, and the names that it goes by."""

from __future__ import annotations

import glob
import os
import re
import shlex
from typing import NamedTuple

from virtualenv_reflink.environment.executable import executable_of
from virtualenv_reflink.errors import TargetError
from virtualenv_reflink.transaction.interrupted import is_interrupted

CONFIGURATION = "pyvenv.cfg"
"""The file that makes a directory an environment (PEP 405)."""

_VIRTUAL_ENV = re.compile(rb"^\s*(?:export )?VIRTUAL_ENV=(['\"/].*)$", re.MULTILINE)


class Source(NamedTuple):
    """An environment that is only read: its root, and the names under which its own files may know it.

    ``libraries`` are the directories that hold packages, relative to the root.
    """

    root: str
    names: tuple[str, ...]
    libraries: tuple[str, ...]


def find_source(named: str) -> Source:
    """Return the environment at ``named``; its interpreter is not run.

    :raises TargetError: when there is none, or one that cannot be forked.
    """
    root = os.path.abspath(named)
    _check(root)
    libraries = tuple(os.path.relpath(library, root) for library in _libraries(root))
    names = dict.fromkeys([root, os.path.realpath(root), *_told_by_activation(root)])
    return Source(root, tuple(names), libraries)


def check_at_rest(source: Source) -> None:
    """Refuse an environment that holds half of a change; only who changes it may take that back.

    :raises TargetError: when it does.
    """
    if is_interrupted(source.root):
        raise TargetError(
            f"an installation into {source.root} was interrupted; virtualenv-reflink install -p "
            f"{shlex.quote(source.root)} takes back what it left, and then it can be forked"
        )


def _check(root: str) -> None:
    if os.name == "nt":
        raise TargetError("environments cannot be forked on Windows, where launchers hold their paths in binary data")
    if not os.path.isdir(root):
        raise TargetError(f"there is no environment at {root}")
    if os.path.isdir(f"{root}/conda-meta"):
        raise TargetError(f"{root} is an environment of conda; conda create --clone makes a copy of it")
    if not os.path.isfile(f"{root}/{CONFIGURATION}"):
        kind = "a Python installation, no" if os.path.exists(f"{root}/bin/python3") else "no"
        raise TargetError(f"{root} is {kind} virtual environment: it has no {CONFIGURATION}; name one that has")
    executable_of(root)


def _libraries(root: str) -> list[str]:
    """Return the directories that hold packages, each once: lib64 may be a link to lib."""
    places = (f"{glob.escape(root)}/{lib}/*/site-packages" for lib in ("lib64", "lib"))
    found = (path for place in places for path in sorted(glob.glob(place)))
    return list({os.path.realpath(path): path for path in found}.values())


def _told_by_activation(root: str) -> list[str]:
    """Return the place that the scripts were made for, which is another one once an environment was moved or copied."""
    try:
        with open(f"{root}/bin/activate", "rb") as stream:
            words = [_word(os.fsdecode(found[1])) for found in _VIRTUAL_ENV.finditer(stream.read())]
    except OSError:
        return []
    places = (os.path.normpath(word) for word in words if word.startswith("/"))
    # a name of what holds the environment would be too much
    return [place for place in places if not os.path.join(root, "").startswith(os.path.join(place, ""))][:1]


def _word(text: str) -> str:
    """Return the first word of a line of a shell, or nothing."""
    try:
        return (shlex.split(text) or [""])[0]
    except ValueError:
        return ""
