"""``pipx-reflink``: pipx's own command line, with its environments filled from the wheel cache."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn

from virtualenv_reflink.errors import PipxError, ReflinkError
from virtualenv_reflink.integrations.process import run_as_process


def script() -> NoReturn:
    """Run pipx as a process of its own."""
    run_as_process(main)


def main() -> int:
    """Run pipx and return its exit status."""
    from virtualenv_reflink.options import check_variables

    try:
        _check_supported()
        # our commands would take one that cannot be read for a mistake on their command line, which pip then makes good
        check_variables(os.environ)
        # what pipx chooses when it is left alone depends on whether there is an uv
        os.environ["PIPX_DEFAULT_BACKEND"] = "pip"
        from virtualenv_reflink.integrations.pipx.commands import take_over

        take_over()
    except ReflinkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    from pipx.main import cli

    return int(cli())


def _check_supported() -> None:
    from packaging.specifiers import SpecifierSet

    from virtualenv_reflink.integrations.pipx.commands import SUPPORTED

    try:
        found = version("pipx")
    except PackageNotFoundError:
        raise PipxError("there is no pipx beside virtualenv-reflink; install virtualenv-reflink[pipx]") from None
    if found not in SpecifierSet(SUPPORTED):
        raise PipxError(
            f"pipx {found} is not one that pipx-reflink was tested with; install pipx{SUPPORTED} beside it, or use "
            "plain pipx, which manages the same environments"
        )
