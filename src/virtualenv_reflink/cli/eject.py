"""``virtualenv-reflink eject``: turn the packages of a layer into the environment's own."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

from virtualenv_reflink.cli.options import add_settings
from virtualenv_reflink.cli.parser import command_parser, filled
from virtualenv_reflink.cli.terminal import progress, tell
from virtualenv_reflink.environment.discovery import find_target
from virtualenv_reflink.options import settings
from virtualenv_reflink.provision.provisioner import Provisioner


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    environment = find_target(options.environment).environment
    telling = progress(verbose=options.verbose, quiet=options.quiet)
    provisioner = Provisioner(settings(options), environment, telling, on_wait=tell)
    ejected, outcome = provisioner.eject(options.packages)
    if not options.quiet:
        number = len(ejected)
        print(f"Ejected {number} package{'' if number == 1 else 's'} via {outcome}")
        for name in sorted(ejected):
            print(f" + {name}")
    return 0


def _parser() -> ArgumentParser:
    parser = command_parser("eject", __doc__)
    parser.add_argument("environment", metavar="ENV", type=filled, help="the environment")
    parser.add_argument("packages", metavar="PACKAGE", nargs="*", help="the packages to turn (all of the layer's)")
    add_settings(parser)
    return parser
