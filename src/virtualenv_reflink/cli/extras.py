"""What single commands need besides what everybody does."""

from __future__ import annotations

from importlib.util import find_spec

from virtualenv_reflink.errors import MissingExtraError


def is_there(module: str) -> bool:
    """Return whether ``module``, which an extra of this project brings, can be imported."""
    return find_spec(module) is not None


def require(module: str, extra: str, command: str) -> None:
    """Make sure that ``module``, which an extra of this project brings, is there for ``command``.

    :raises MissingExtraError: when it is not, saying what to install.
    """
    if not is_there(module):
        raise MissingExtraError(f"{command} needs {module}; install virtualenv-reflink[{extra}]")
