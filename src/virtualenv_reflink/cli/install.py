"""``virtualenv-reflink install``: put requirements, with what they depend on, into an environment."""

from __future__ import annotations

import os
import time
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Sequence

from virtualenv_reflink.cli.options import add_locks, add_requirements, add_settings, request
from virtualenv_reflink.cli.outcome import add_outcome
from virtualenv_reflink.cli.parser import command_parser, filled, filled_path
from virtualenv_reflink.cli.pip_defaults import configured_variables, set_pip_defaults, wants_isolation
from virtualenv_reflink.cli.pip_options import add_pip_options
from virtualenv_reflink.cli.pip_report import add_report, check_report
from virtualenv_reflink.cli.places import add_places, check_places, placed
from virtualenv_reflink.environment.discovery import PendingTarget


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    started = time.monotonic()
    parser = _parser()
    is_isolated = wants_isolation(arguments)
    if not is_isolated:
        set_pip_defaults(parser, os.environ)
    options = parser.parse_args(arguments)
    pending = PendingTarget(options.python)
    # imported while the interpreter starts
    from virtualenv_reflink.cli.installing import install

    target = pending.target()
    if request(options) and not is_isolated:
        # one of the files belongs to the interpreter
        configured = configured_variables(os.environ, target.environment.prefix)
        if configured:
            set_pip_defaults(parser, {**os.environ, **configured})
            options = parser.parse_args(arguments)
    check_places(options)
    check_report(options)
    install(options, placed(options, target), started)
    return 0


def _parser() -> ArgumentParser:
    parser = command_parser("install", __doc__)
    add_requirements(parser)
    add_places(parser)
    parser.add_argument(
        "-p",
        "--python",
        metavar="ENV_OR_PYTHON",
        type=filled,
        help="the environment or interpreter (the active environment, else the one that runs this)",
    )
    add_locks(parser, "install exactly what this pylock.toml has")
    parser.add_argument(
        "--seed",
        dest="seeds",
        action="append",
        default=[],
        type=filled_path,
        metavar="WHEEL",
        help="also install this wheel, as virtualenv would, unless its distribution is among what is asked for; "
        "for tools whose environments get all at once (can be set 1+ times)",
    )
    parser.add_argument("--dry-run", action="store_true", help="resolve and tell, but install nothing")
    add_settings(parser)
    add_outcome(parser)
    add_report(parser)
    compiling = parser.add_mutually_exclusive_group()
    for name, action in (("--compile", "store_false"), ("--no-compile", "store_true")):
        purpose = f"pip's name for {'the opposite of ' if name == '--compile' else ''}--no-compile-bytecode"
        compiling.add_argument(name, dest="no_compile_bytecode", action=action, default=SUPPRESS, help=purpose)
    parser.add_argument("--progress-bar", choices=("auto", "on", "off", "raw"), default="auto", help="off draws none")
    add_pip_options(parser, choices=True)
    return parser
