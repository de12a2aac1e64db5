"""Options that several subcommands have."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from virtualenv_reflink.cli.parser import filled_path
from virtualenv_reflink.options import SETTINGS

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.request import Request


def add_requirements(parser: ArgumentParser) -> None:
    """Add the arguments and options that name requirements."""
    parser.add_argument("requirements", nargs="*", metavar="REQUIREMENT", help="anything that pip install takes")
    for names, dest, metavar, purpose in (
        (("-r", "--requirement"), "files", "FILE", "a file of requirements"),
        (("-c", "--constraint"), "constraints", "FILE", "a file of constraints"),
        (("-e", "--editable"), "editables", "PROJECT", "a project to refer to instead of copying it"),
        (("--group",), "groups", "[PATH:]GROUP", "a dependency group of pyproject.toml, here or at PATH"),
    ):
        parser.add_argument(*names, dest=dest, action="append", default=[], metavar=metavar, help=purpose)


def add_locks(parser: ArgumentParser, purpose: str) -> None:
    """Add the option that names locks."""
    parser.add_argument(
        "--lock", dest="locks", action="append", default=[], type=filled_path, metavar="PYLOCK", help=purpose
    )


def request(options: Namespace) -> Request:
    """Return what the options of :func:`add_requirements` and pip's own say.

    :raises OptionError: when there is no such dependency group.
    """
    from virtualenv_reflink.requirements.request import Request

    return Request(
        requirements=(*options.requirements, *_requirements_of_groups(options)),
        editables=tuple(options.editables),
        files=tuple(options.files),
        constraints=tuple(options.constraints),
        choices=tuple(getattr(options, "choices", ())),
    )


def _requirements_of_groups(options: Namespace) -> list[str]:
    if not options.groups:
        return []
    from virtualenv_reflink.cli.dependency_groups import requirements_of_group

    return [requirement for group in options.groups for requirement in requirements_of_group(group)]


def add_settings(parser: ArgumentParser) -> None:
    """Add what :func:`virtualenv_reflink.options.settings` reads, and how much to tell."""
    for option in SETTINGS:
        option.add_to(parser, os.environ)
    add_talk(parser)


def add_talk(parser: ArgumentParser) -> None:
    """Add how much to tell."""
    talk = parser.add_mutually_exclusive_group()
    talk.add_argument("-v", "--verbose", action="store_true", help="explain what is done")
    talk.add_argument("-q", "--quiet", action="store_true", help="say nothing unless it fails")
