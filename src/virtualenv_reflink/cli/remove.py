"""``virtualenv-reflink remove``: delete environments at once."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

from virtualenv_reflink.cli.parser import command_parser, filled_path
from virtualenv_reflink.cli.terminal import tell
from virtualenv_reflink.environment.removal import remove


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    for environment in options.environments:
        remove(environment, tell)
        if not options.quiet:
            print(f"Removed {environment}")
    return 0


def _parser() -> ArgumentParser:
    parser = command_parser("remove", __doc__)
    parser.add_argument("environments", metavar="ENV", nargs="+", type=filled_path, help="an environment's directory")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing unless it fails")
    return parser
