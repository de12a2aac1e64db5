"""``--group [PATH:]NAME``: requirements of a dependency group (PEP 735)."""

from __future__ import annotations

import sys
from pathlib import Path

from virtualenv_reflink.errors import OptionError


def requirements_of_group(named: str) -> list[str]:
    """Return the requirements of a group, which is that of ``pyproject.toml`` here unless a path stands before it.

    :raises OptionError: when there is no such group, or its file cannot be read.
    """
    from packaging.dependency_groups import DependencyGroupResolver

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    before, _, name = named.rpartition(":")
    path = Path(before or "pyproject.toml")
    if path.name != "pyproject.toml":
        raise OptionError(f"--group {named} cannot be used: {path} is not called pyproject.toml")
    try:
        groups = tomllib.loads(path.read_text(encoding="utf-8")).get("dependency-groups")
    except OSError as error:
        raise OptionError(f"--group {named} cannot be used: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise OptionError(f"--group {named} cannot be used: {path} is not valid TOML: {error}") from error
    if not isinstance(groups, dict):
        raise OptionError(f"--group {named} cannot be used: {path} has no table [dependency-groups]")
    try:
        return [str(requirement) for requirement in DependencyGroupResolver(groups).resolve(name)]
    except Exception as error:  # packaging collects its errors in groups, whose type depends on the version of Python
        reasons = "; ".join(str(each) for each in getattr(error, "exceptions", [error]))
        raise OptionError(f"--group {named} cannot be used: {reasons}") from error
