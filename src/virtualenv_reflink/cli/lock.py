"""``virtualenv-reflink lock``: resolve requirements into a pylock.toml (PEP 751)."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from virtualenv_reflink.cli.extras import require
from virtualenv_reflink.cli.options import add_requirements, add_settings, request
from virtualenv_reflink.cli.parser import command_parser, filled
from virtualenv_reflink.cli.pip_options import add_pip_options
from virtualenv_reflink.cli.terminal import progress
from virtualenv_reflink.environment.discovery import find_target
from virtualenv_reflink.errors import LockError
from virtualenv_reflink.options import settings
from virtualenv_reflink.provision.provisioner import Provisioner
from virtualenv_reflink.requirements.lock_files import is_pylock
from virtualenv_reflink.requirements.pylock import write_pylock


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    require("tomli_w", extra="lock", command="virtualenv-reflink lock")
    if not is_pylock(options.output):
        raise LockError(f"{options.output} is not the name of a lock; call it pylock.toml or pylock.NAME.toml")
    wanted = request(options)
    if not wanted:
        raise LockError("there is nothing to lock; name requirements, or a file of them with -r")
    target = find_target(options.python)
    telling = progress(verbose=options.verbose, quiet=options.quiet)
    provisioner = Provisioner(settings(options), target.environment, telling, options.sources)
    lock = provisioner.resolution.lock(wanted, search_path=()).lock
    write_pylock(lock, Path(options.output), provisioner.facts)
    if not options.quiet:
        print(f"Locked {len(lock.packages)} packages in {options.output}")
    return 0


def _parser() -> ArgumentParser:
    parser = command_parser("lock", __doc__)
    parser.add_argument("-o", "--output", default="pylock.toml", metavar="FILE", help="where to write it (%(default)s)")
    parser.add_argument("-p", "--python", metavar="ENV_OR_PYTHON", type=filled, help="the interpreter to resolve for")
    add_requirements(parser)
    add_settings(parser)
    add_pip_options(parser, choices=False)
    return parser
