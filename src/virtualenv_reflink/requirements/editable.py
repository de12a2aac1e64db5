"""Packages that refer to their directories, built and installed by pip."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from virtualenv_reflink.progress import Progress
from virtualenv_reflink.requirements.lock import Locked
from virtualenv_reflink.requirements.pip import Pip
from virtualenv_reflink.requirements.pip_requirements import write_requirements


def install_editable(pip: Pip, packages: Sequence[Locked], options: Sequence[str], progress: Progress) -> None:
    """Have pip build and install packages that refer to their directories, with the options that they were named with.

    :raises ResolveError: with pip's own explanation, when that fails.
    """
    with tempfile.TemporaryDirectory(prefix="virtualenv-reflink-") as directory:
        for number, package in enumerate(packages):
            requirements = Path(directory, f"{number}.txt")
            write_requirements(requirements, [package], editable=True)
            with progress.stage(f"Building {package.name} {package.version}"):
                arguments = ["install", "--no-deps", "--force-reinstall", *options, "-r", str(requirements)]
                pip.run_alone(arguments, progress.detail)
