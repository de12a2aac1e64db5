"""Where ``virtualenv-reflink install`` puts packages: the environment, or what ``--target`` and its like name."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace

from virtualenv_reflink.cli.parser import filled_path
from virtualenv_reflink.environment.discovery import Target, check_writable
from virtualenv_reflink.errors import OptionError, TargetError

# what pip refuses to combine, or combines to no effect
_CONTRADICTIONS = (("user", "target"), ("user", "prefix"), ("target", "prefix"), ("target", "root"))


def add_places(parser: ArgumentParser) -> None:
    """Add the options that say where packages go, and which Pythons may be changed."""
    for names, purpose in (
        (("-t", "--target"), "a directory to put packages into instead of an environment"),
        (("--prefix",), "a directory to make lib, bin and so on in, instead of in the environment"),
        (("--root",), "a directory to take for the root directory"),
    ):
        parser.add_argument(*names, metavar="DIR", type=filled_path, help=purpose)
    parser.add_argument("--user", action="store_true", help="install where this user's own packages are")
    parser.add_argument("--no-user", dest="user", action="store_false", help=SUPPRESS)
    parser.add_argument(
        "--break-system-packages", action="store_true", help="change a Python that is managed by somebody else"
    )
    parser.add_argument(
        "--require-virtualenv", action="store_true", help="refuse a Python that is not a virtual environment"
    )


def check_places(options: Namespace) -> None:
    """Compare the options of :func:`add_places` with each other, and with those about another Python.

    :raises OptionError: when they contradict each other.
    """
    for one, other in _CONTRADICTIONS:
        if getattr(options, one) and getattr(options, other):
            raise OptionError(f"--{one} and --{other} name different places to install into; leave one of them out")
    if options.foreign and not (options.target or options.dry_run):
        raise OptionError(f"{options.foreign[0]} is for another Python, so it needs --target or --dry-run")
    if options.foreign and options.locks:
        raise OptionError(
            f"{options.foreign[0]} tells what to resolve for, and a lock is resolved already; leave it out"
        )


def placed(options: Namespace, target: Target) -> Target:
    """Return the target that the options of :func:`add_places` make of that of an interpreter.

    :raises TargetError: when it must not be changed, or cannot be.
    """
    if options.require_virtualenv and not target.is_environment:
        raise TargetError(
            f"{target.environment.executable} is not in a virtual environment, and --require-virtualenv asks for one"
        )
    is_elsewhere = options.target or options.prefix or options.root
    if target.managed_by and not (is_elsewhere or options.break_system_packages or options.dry_run):
        raise TargetError(_managed(target))
    if is_elsewhere or options.user:
        target = _elsewhere(options, target)
    check_writable(target.environment)
    return target


def _elsewhere(options: Namespace, target: Target) -> Target:
    # a lazy boundary: most installations are for an environment
    from virtualenv_reflink.environment.schemes import below_prefix, below_root, for_user, into_directory

    for place in (options.target, options.prefix, options.root):
        if place and place.exists() and not place.is_dir():
            raise TargetError(f"{place.absolute()} is not a directory, so nothing can be installed into it")
    if options.target:
        return into_directory(target, options.target.absolute())
    if options.prefix:
        target = below_prefix(target, options.prefix.absolute())
    if options.user:
        target = for_user(target)
    return below_root(target, options.root.absolute()) if options.root else target


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
