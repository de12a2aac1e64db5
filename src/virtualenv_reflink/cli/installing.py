"""What ``virtualenv-reflink install`` does once it knows its target."""

from __future__ import annotations

import sys
import time
from argparse import Namespace

from virtualenv_reflink.cli.options import request, settings
from virtualenv_reflink.cli.report import Report
from virtualenv_reflink.cli.terminal import progress
from virtualenv_reflink.environment.discovery import Target
from virtualenv_reflink.environment.installed import present_versions
from virtualenv_reflink.environment.lock import exclusive
from virtualenv_reflink.provision.provisioner import Provisioner, without_satisfied
from virtualenv_reflink.requirements.lock import Lock, merged


def install(options: Namespace, target: Target, started: float) -> None:
    """Do what ``options`` say for ``target``, and report it; ``started`` is when this process did, in seconds.

    :raises ReflinkError: naming what went wrong.
    """
    with exclusive(target.environment.root, lambda line: print(line, file=sys.stderr)):
        _install(options, target, started)


def _install(options: Namespace, target: Target, started: float) -> None:
    heard = progress(verbose=options.verbose, quiet=options.quiet)
    provisioner = Provisioner(settings(options), target.environment, heard, options.sources)
    lock = _lock(options, target, provisioner)
    report = Report(lock, present_versions(target.search_path), quiet=options.quiet)
    if request(options):
        report.resolved(time.monotonic() - started, provisioner.resolution_age)
    if options.dry_run:
        report.would_install()
        return
    started = time.monotonic()
    provisioner.provide(lock.copied)
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


def _pip_target(options: Namespace) -> list[str]:
    words = ["--target", str(options.target)] if options.target is not None else []
    return [*words, "--break-system-packages"] if options.break_system_packages else words
