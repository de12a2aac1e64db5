"""What ``virtualenv-reflink install`` does once it knows its target."""

from __future__ import annotations

import time
from argparse import Namespace

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.cli.options import request
from virtualenv_reflink.cli.outcome import write_outcomes
from virtualenv_reflink.cli.pip_report import write_report
from virtualenv_reflink.cli.report import Report
from virtualenv_reflink.cli.terminal import progress, tell, tell_warnings
from virtualenv_reflink.environment.discovery import Target
from virtualenv_reflink.environment.installed import present_versions
from virtualenv_reflink.environment.scripts import aliases_of_seeds
from virtualenv_reflink.options import settings
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.provision.provisioner import Provisioner
from virtualenv_reflink.provision.resolution import Resolved
from virtualenv_reflink.requirements.lock import Lock, merged
from virtualenv_reflink.requirements.request import Request


def install(options: Namespace, target: Target, started: float) -> None:
    """Do what ``options`` say for ``target``, and report it; ``started`` is when this process did, in seconds.

    :raises ReflinkError: naming what went wrong.
    """
    telling = progress(verbose=options.verbose, quiet=options.quiet or options.progress_bar == "off")
    provisioner = Provisioner(
        settings(options), target.environment, telling, options.sources, tell, foreign_options=options.foreign
    )
    with provisioner.exclusive():
        _install(options, target, started, provisioner)


def _install(options: Namespace, target: Target, started: float, provisioner: Provisioner) -> None:
    lock, age = _lock(options, target, provisioner)
    ignores = "--ignore-installed" in options.choices
    report = Report(lock, {} if ignores else present_versions(target.search_path), quiet=options.quiet)
    if request(options):
        report.resolved(time.monotonic() - started, age)
    if options.dry_run:
        report.would_install()
        return
    if not lock.packages and not options.seeds:
        report.nothing_to_install()
        return
    started = time.monotonic()
    outcome = _installed(lock, options, target, provisioner)
    report.installed(time.monotonic() - started, outcome)
    tell_warnings(outcome)
    write_outcomes(options.outcome, {target.environment.root: outcome})


def _lock(options: Namespace, target: Target, provisioner: Provisioner) -> Resolved:
    """Return what is to be installed: of locks what is not satisfied yet, of requirements what pip would."""
    wanted = _request(options)
    replace = "--force-reinstall" in wanted.choices or "--ignore-installed" in wanted.choices
    locks = [provisioner.resolution.read_lock(path) for path in options.locks]
    resolved = _resolved(options, wanted, target, provisioner) if wanted else Resolved(Lock([]))
    if not replace:
        locks = [Lock(provisioner.without_satisfied(merged(locks).packages, target.search_path))]
    return resolved._replace(lock=merged([*locks, resolved.lock]))


def _request(options: Namespace) -> Request:
    wanted = request(options)
    # to pip, it also decides what is installed already
    return wanted._replace(choices=(*wanted.choices, "--user")) if options.user else wanted


def _resolved(options: Namespace, wanted: Request, target: Target, provisioner: Provisioner) -> Resolved:
    counts = options.target is None and provisioner.is_whole(target.replaced_in.libraries)
    search_path = target.search_path if counts else ()
    if options.report:
        reported = provisioner.resolution.reported(wanted, search_path)
        write_report(options.report, reported.report)
        resolved = Resolved(reported.lock)
    else:
        resolved = provisioner.resolution.lock(wanted, search_path)
    if counts:
        return resolved
    return resolved._replace(lock=Lock(provisioner.without_satisfied(resolved.lock.packages, target.search_path)))


def _installed(lock: Lock, options: Namespace, target: Target, provisioner: Provisioner) -> Outcome:
    """Install a lock and the seeds; other versions give way where ``target`` says, as with pip."""
    wanted = lock, options.seeds, aliases_of_seeds(target.environment.version)
    if "--ignore-installed" in options.choices:
        return provisioner.install_over(*wanted)
    if target.replaced_in == target.environment:
        return provisioner.install(*wanted)
    # a lazy boundary: most installations are for an environment
    from virtualenv_reflink.transaction.remove import taken_out

    with taken_out({normalized_name(package.name) for package in lock.packages}, target.replaced_in, tell):
        return provisioner.install_over(*wanted)
