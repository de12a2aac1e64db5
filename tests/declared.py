"""Install the oldest or the newest releases that pyproject.toml permits: ``python -m tests.declared oldest``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
# what tests of a tool install goes into environments of its own
TESTED_BESIDE = {"nox", "pipx", "tox"}


def declared() -> list[Requirement]:
    """Return what the project needs here, and what it can use besides."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + [line for name in extras.keys() - TESTED_BESIDE for line in extras[name]]
    requirements = [Requirement(line) for line in lines]
    return [each for each in requirements if each.marker is None or each.marker.evaluate()]


def options(end: str) -> list[str]:
    """Return what pip is to be told, for the ``oldest`` or the ``newest`` releases."""
    if end == "oldest":
        return [f"{requirement.name}=={_least(requirement)}" for requirement in declared()]
    return ["--upgrade", "--upgrade-strategy", "eager", *(requirement.name for requirement in declared())]


def _least(requirement: Requirement) -> str:
    (version,) = [each.version for each in requirement.specifier if each.operator == ">="]
    return version


if __name__ == "__main__":
    subprocess.run([sys.executable, "-m", "pip", "install", *options(sys.argv[1])], check=True)
