"""``virtualenv-reflink install``: requirements, with what they depend on, into an environment."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from virtualenv_reflink.cli.options import (
    add_requirements,
    add_settings,
    add_sources,
    add_words,
    request,
    settings,
)
from virtualenv_reflink.cli.terminal import progress
from virtualenv_reflink.errors import TargetError
from virtualenv_reflink.install.discovery import Asking, Target, insist_on_writable, into_directory
from virtualenv_reflink.install.installed import present_versions
from virtualenv_reflink.provision import Provisioner, without_satisfied
from virtualenv_reflink.requirements.lock import Lock, merged

_CHOICES_WITH_VALUE = (("--upgrade-strategy",),)
_CHOICES = (("-U", "--upgrade"), ("--force-reinstall",), ("--no-deps",), ("-I", "--ignore-installed"))


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    started = time.monotonic()
    options = _parser().parse_args(arguments)
    asking = Asking(options.python)
    # imported while the interpreter starts
    from virtualenv_reflink.install.exclusive import exclusive

    target = _target(options, asking)
    with exclusive(target.environment.root, lambda line: print(line, file=sys.stderr)):
        _install(options, target, started)
    return 0


def _install(options: Namespace, target: Target, started: float) -> None:
    from virtualenv_reflink.cli.report import Report

    heard = progress(verbose=options.verbose, quiet=options.quiet)
    provisioner = Provisioner(settings(options), target.environment, heard)
    lock = _lock(options, target, provisioner)
    report = Report(lock, present_versions(target.search_path), quiet=options.quiet)
    if request(options):
        report.resolved(time.monotonic() - started, provisioner.resolution_age)
    if options.dry_run:
        report.would_install()
        return
    started = time.monotonic()
    provisioner.provide(lock.copied, options.sources)
    provisioner.install_editable(lock.editable, [*_pip_target(options), *options.sources])
    report.installed(time.monotonic() - started, provisioner.linker)


def _lock(options: Namespace, target: Target, provisioner: Provisioner) -> Lock:
    """Return what is to be installed: of locks what is not satisfied yet, of requirements what pip would."""
    wanted = request(options)
    replace = "--force-reinstall" in wanted.choices or "--ignore-installed" in wanted.choices
    locks = [provisioner.read_lock(path) for path in options.locks]
    resolved = _resolved(options, target, provisioner) if wanted else Lock([])
    if replace:
        return merged([*locks, resolved])
    satisfied_out = Lock(without_satisfied(merged(locks).packages, target.search_path))
    return merged([satisfied_out, resolved])


def _resolved(options: Namespace, target: Target, provisioner: Provisioner) -> Lock:
    if options.target is None:
        return provisioner.lock(request(options), target.search_path)
    lock = provisioner.lock(request(options), search_path=())
    return Lock(without_satisfied(lock.packages, target.search_path))


def _target(options: Namespace, asking: Asking) -> Target:
    target = asking.target()
    if options.target is not None:
        directory = options.target.absolute()
        if directory.exists() and not directory.is_dir():
            raise TargetError(f"{directory} is not a directory, so nothing can be installed into it")
        target = into_directory(target, directory)
    elif target.managed_by and not options.break_system_packages and not options.dry_run:
        raise TargetError(_managed(target))
    insist_on_writable(target.environment)
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


def _pip_target(options: Namespace) -> list[str]:
    words = ["--target", str(options.target)] if options.target is not None else []
    return [*words, "--break-system-packages"] if options.break_system_packages else words


def _parser() -> ArgumentParser:
    parser = ArgumentParser("virtualenv-reflink install", description=__doc__)
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
    parser.add_argument(
        "--lock",
        dest="locks",
        action="append",
        default=[],
        type=Path,
        metavar="PYLOCK",
        help="install exactly what this pylock.toml has",
    )
    parser.add_argument("--dry-run", action="store_true", help="resolve and tell, but install nothing")
    add_settings(parser)
    add_words(parser.add_argument_group("choices handed to pip", ""), "choices", _CHOICES_WITH_VALUE, _CHOICES)
    add_sources(parser)
    return parser
