"""``virtualenv-reflink install``: put requirements, with what they depend on, into an environment."""

from __future__ import annotations

import os
import time
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from virtualenv_reflink.cli.options import add_locks, add_requirements, add_settings
from virtualenv_reflink.cli.outcome import add_outcome
from virtualenv_reflink.cli.parser import command_parser
from virtualenv_reflink.cli.pip_options import add_pip_options, set_pip_defaults, wants_isolation
from virtualenv_reflink.environment.discovery import PendingTarget, Target, check_writable, into_directory
from virtualenv_reflink.errors import TargetError


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    started = time.monotonic()
    parser = _parser()
    if not wants_isolation(arguments):
        set_pip_defaults(parser, os.environ)
    options = parser.parse_args(arguments)
    pending = PendingTarget(options.python)
    # imported while the interpreter starts
    from virtualenv_reflink.cli.installing import install

    install(options, _target(options, pending), started)
    return 0


def _target(options: Namespace, pending: PendingTarget) -> Target:
    target = pending.target()
    if options.require_virtualenv and not target.is_environment:
        raise TargetError(
            f"{target.environment.executable} is not in a virtual environment, and --require-virtualenv asks for one"
        )
    if options.target is not None:
        directory = options.target.absolute()
        if directory.exists() and not directory.is_dir():
            raise TargetError(f"{directory} is not a directory, so nothing can be installed into it")
        target = into_directory(target, directory)
    elif target.managed_by and not options.break_system_packages and not options.dry_run:
        raise TargetError(_managed(target))
    check_writable(target.environment)
    return target


def _managed(target: Target) -> str:
    from configparser import ConfigParser, Error

    python, marker = target.environment.executable, target.managed_by
    advice = "make an environment with python -m virtualenv_reflink venv, or use --break-system-packages"
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(str(marker), encoding="utf-8")
        said = parser.get("externally-managed", "Error").strip()
    except (Error, UnicodeDecodeError):
        said = ""
    return f"{python} is managed by somebody else ({marker}); {advice}" + (f"\n{said}" if said else "")


def _parser() -> ArgumentParser:
    parser = command_parser("install", __doc__)
    add_requirements(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "-t", "--target", metavar="DIR", type=Path, help="a directory to put packages into instead of an environment"
    )
    where.add_argument(
        "--break-system-packages", action="store_true", help="change a Python that is managed by somebody else"
    )
    parser.add_argument(
        "-p",
        "--python",
        metavar="ENV_OR_PYTHON",
        help="the environment or interpreter (the active environment, else the one that runs this)",
    )
    add_locks(parser, "install exactly what this pylock.toml has")
    parser.add_argument(
        "--seed",
        dest="seeds",
        action="append",
        default=[],
        type=Path,
        metavar="WHEEL",
        help="also install this wheel, as virtualenv would, unless its distribution is among what is asked for; "
        "for tools whose environments get all at once (can be set 1+ times)",
    )
    parser.add_argument("--dry-run", action="store_true", help="resolve and tell, but install nothing")
    add_settings(parser)
    add_outcome(parser)
    compiling = parser.add_mutually_exclusive_group()
    for name, action in (("--compile", "store_false"), ("--no-compile", "store_true")):
        purpose = f"pip's name for {'the opposite of ' if name == '--compile' else ''}--no-compile-bytecode"
        compiling.add_argument(name, dest="no_compile_bytecode", action=action, default=SUPPRESS, help=purpose)
    parser.add_argument("--progress-bar", choices=("auto", "on", "off", "raw"), default="auto", help="off draws none")
    parser.add_argument(
        "--require-virtualenv", action="store_true", help="refuse a Python that is not a virtual environment"
    )
    add_pip_options(parser, choices=True)
    return parser
