"""``virtualenv-reflink cache dir``: tell where the wheel cache is."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

from virtualenv_reflink.cli.cache.opened import parser_for
from virtualenv_reflink.options import wheel_cache


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    print(wheel_cache(_parser().parse_args(arguments)))
    return 0


def _parser() -> ArgumentParser:
    return parser_for("dir", __doc__, json=False)
