"""``virtualenv-reflink cache fill``: bring what is asked for into the wheel cache, without making an environment.

It is unpacked and compiled for one interpreter; pip, which environments get unasked, is brought in too.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

from virtualenv_reflink.cli.options import add_locks, add_requirements, add_settings, request
from virtualenv_reflink.cli.parser import command_parser, filled
from virtualenv_reflink.cli.pip_options import add_pip_options
from virtualenv_reflink.cli.terminal import progress
from virtualenv_reflink.environment.discovery import find_target
from virtualenv_reflink.errors import LockError
from virtualenv_reflink.options import settings
from virtualenv_reflink.provision.provisioner import Provisioner
from virtualenv_reflink.requirements.lock import merged


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    target = find_target(options.python)
    # a cache that is to serve by itself must not lean on others
    chosen = settings(options)._replace(base_caches=())
    telling = progress(verbose=options.verbose, quiet=options.quiet)
    provisioner = Provisioner(chosen, target.environment, telling, options.sources)
    wanted = request(options)
    _check_none_is_editable(wanted.editables)
    locks = [provisioner.resolution.read_lock(path) for path in options.locks]
    if wanted:
        locks.append(provisioner.resolution.lock(wanted, search_path=()).lock)
    lock = merged(locks)
    _check_none_is_editable([package.name for package in lock.editable])
    number = provisioner.fill(lock)
    if not options.quiet:
        print(f"The wheel cache {chosen.wheel_cache} has {number} wheel{'' if number == 1 else 's'} of these")
    return 0


def _check_none_is_editable(named: Sequence[str]) -> None:
    if named:
        raise LockError(f"{named[0]} is editable, and no cache can hold that; leave it out")


def _parser() -> ArgumentParser:
    parser = command_parser("cache fill", __doc__)
    parser.add_argument("-p", "--python", metavar="ENV_OR_PYTHON", type=filled, help="the interpreter to compile for")
    add_locks(parser, "bring in exactly what this pylock.toml has")
    add_requirements(parser)
    add_settings(parser)
    add_pip_options(parser, choices=False)
    return parser
