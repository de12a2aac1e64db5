"""``virtualenv-reflink venv``: make environments as ``python -m venv`` does, with pip and more from the wheel cache."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.cli.options import add_settings
from virtualenv_reflink.cli.outcome import add_outcome, write_outcomes
from virtualenv_reflink.cli.parser import command_parser, filled
from virtualenv_reflink.cli.terminal import progress, tell_warnings
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import present_versions
from virtualenv_reflink.errors import TargetError
from virtualenv_reflink.integrations.stdlib_venv import ReflinkEnvBuilder, create_with
from virtualenv_reflink.option import listed
from virtualenv_reflink.options import WITH, settings
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.provision.provisioner import Provisioner

_LAST_WITH_SETUPTOOLS = (3, 11)


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    if options.upgrade and options.clear:
        raise TargetError("--upgrade and --clear contradict each other; leave one out")
    outcomes: dict[Path, Outcome] = {}
    for env_dir in options.dirs:
        if options.python is None:
            _builder(options, outcomes).create(env_dir)
        else:
            _create_with_other(options, env_dir, outcomes)
    write_outcomes(options.outcome, outcomes)
    return 0


def _builder(options: Namespace, outcomes: dict[Path, Outcome]) -> ReflinkEnvBuilder:
    since_3_13 = {"scm_ignore_files": options.scm_ignore_files} if sys.version_info >= (3, 13) else {}
    return ReflinkEnvBuilder(
        lambda environment: _seed(options, environment, outcomes),
        with_pip=options.with_pip,
        system_site_packages=options.system_site,
        clear=options.clear,
        symlinks=options.symlinks,
        upgrade=options.upgrade,
        prompt=options.prompt,
        upgrade_deps=options.upgrade_deps,
        **since_3_13,
    )


def _create_with_other(options: Namespace, env_dir: str, outcomes: dict[Path, Outcome]) -> None:
    from virtualenv_reflink.environment.discovery import find_target

    target = find_target(options.python)
    flags = {"--clear": options.clear, "--upgrade": options.upgrade, "--system-site-packages": options.system_site}
    words = [word for word, wanted in flags.items() if wanted]
    words.append("--symlinks" if options.symlinks else "--copies")
    words += ["--prompt", options.prompt] if options.prompt is not None else []
    if target.environment.version >= (3, 13) and not options.scm_ignore_files:
        words.append("--without-scm-ignore-files")

    def seed(directory: Path) -> None:
        _seed(options, find_target(str(directory)).environment, outcomes)

    create_with(target.environment.base_executable, words, env_dir, seed)


def _seed(options: Namespace, environment: Environment, outcomes: dict[Path, Outcome]) -> None:
    telling = progress(verbose=options.verbose, quiet=options.quiet)
    provisioner = Provisioner(settings(options), environment, telling)
    names = _seed_names(environment) if options.with_pip else []
    seeds = [] if options.upgrade_deps else [provisioner.bundled(name) for name in names]
    if options.upgrade:
        seeds = _newer(seeds, environment, provisioner)
    latest = names if options.upgrade_deps else []
    outcome = provisioner.seed(seeds, [*latest, *listed(options.with_wheels)], listed(options.with_requirements))
    outcomes[environment.root] = outcome
    if outcome.reasons and not options.quiet:
        print(f"via={outcome}")
    tell_warnings(outcome)


def _seed_names(environment: Environment) -> list[str]:
    """Return what ensurepip brings to this version of Python."""
    return ["pip", "setuptools"] if environment.version[:2] <= _LAST_WITH_SETUPTOOLS else ["pip"]


def _newer(seeds: Sequence[Path], environment: Environment, provisioner: Provisioner) -> list[Path]:
    """Return those of ``seeds`` that are newer than what the environment holds, as ensurepip's upgrade."""
    from packaging.version import Version

    present = present_versions(environment.libraries)
    newer = []
    for seed in seeds:
        metadata = provisioner.unpacked(seed).metadata
        held = present.get(normalized_name(metadata.distribution))
        if held is None or Version(held) < Version(metadata.version):
            newer.append(seed)
    return newer


def _parser() -> ArgumentParser:
    parser = command_parser("venv", __doc__)
    parser.add_argument("dirs", metavar="ENV_DIR", type=filled, nargs="+", help="a directory to make an environment in")
    parser.add_argument(
        "--system-site-packages", dest="system_site", action="store_true", help="let it see the system's packages"
    )
    links = parser.add_mutually_exclusive_group()
    links.add_argument(
        "--symlinks", dest="symlinks", action="store_true", default=os.name != "nt", help="symlink the interpreter"
    )
    links.add_argument("--copies", dest="symlinks", action="store_false", help="copy the interpreter")
    parser.add_argument("--clear", action="store_true", help="first delete what the directory holds")
    parser.add_argument("--upgrade", action="store_true", help="adapt it to a Python that was upgraded in place")
    parser.add_argument("--without-pip", dest="with_pip", action="store_false", help="put no pip into it")
    parser.add_argument("--prompt", help="another prompt than the directory's name")
    parser.add_argument("--upgrade-deps", action="store_true", help="put the latest pip of the index into it")
    parser.add_argument(
        "--without-scm-ignore-files",
        dest="scm_ignore_files",
        action="store_const",
        const=frozenset(),
        default=frozenset(["git"]),
        help="write no .gitignore (venv writes one since Python 3.13)",
    )
    parser.add_argument("-p", "--python", metavar="PYTHON", help="another interpreter to make environments of")
    for option in WITH:
        option.add_to(parser, os.environ)
    add_settings(parser)
    add_outcome(parser)
    return parser
