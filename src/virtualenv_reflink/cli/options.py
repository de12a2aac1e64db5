"""Options that several subcommands have."""

from __future__ import annotations

import os
from argparse import SUPPRESS, Action, ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from virtualenv_reflink.options import SETTINGS

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.request import Request

_SOURCES_WITH_VALUE = (
    ("-i", "--index-url", "--pypi-url"),
    ("--extra-index-url",),
    ("-f", "--find-links"),
    ("--no-binary",),
    ("--only-binary",),
    ("-C", "--config-settings"),
    ("--build-constraint",),
    ("--uploaded-prior-to",),
    ("--trusted-host",),
    ("--proxy",),
    ("--timeout", "--default-timeout"),
    ("--retries",),
    ("--cert",),
    ("--client-cert",),
    ("--keyring-provider",),
)
_SOURCES = (
    ("--no-index",),
    ("--pre",),
    ("--prefer-binary",),
    ("--require-hashes",),
    ("--no-build-isolation",),
    ("--ignore-requires-python",),
    ("--no-cache-dir",),
)


class Words(Action):
    """Collects an option of pip, with its value if it has one, as the words to hand on."""

    def __call__(self, _: ArgumentParser, namespace: Namespace, values: Any, __: str | None = None) -> None:
        """Append the words."""
        words = [*(getattr(namespace, self.dest) or ()), self.option_strings[-1 if self.nargs == 0 else 0]]
        setattr(namespace, self.dest, words if self.nargs == 0 else [*words, values])


def add_requirements(parser: ArgumentParser) -> None:
    """Add the arguments and options that name requirements."""
    parser.add_argument("requirements", nargs="*", metavar="REQUIREMENT", help="anything that pip install takes")
    for names, dest, metavar, purpose in (
        (("-r", "--requirement"), "files", "FILE", "a file of requirements"),
        (("-c", "--constraint"), "constraints", "FILE", "a file of constraints"),
        (("-e", "--editable"), "editables", "PROJECT", "a project to refer to instead of copying it"),
    ):
        parser.add_argument(*names, dest=dest, action="append", default=[], metavar=metavar, help=purpose)


def request(options: Namespace) -> Request:
    """Return what the options of :func:`add_requirements` and :func:`add_sources` say."""
    from virtualenv_reflink.requirements.request import Request

    return Request(
        requirements=tuple(options.requirements),
        editables=tuple(options.editables),
        files=tuple(options.files),
        constraints=tuple(options.constraints),
        sources=tuple(options.sources),
        choices=tuple(getattr(options, "choices", ())),
    )


def add_sources(parser: ArgumentParser) -> None:
    """Add pip's options about indexes, formats and builds; they end in ``sources``."""
    group = parser.add_argument_group("options handed to pip", "as in pip's documentation")
    add_words(group, "sources", _SOURCES_WITH_VALUE, _SOURCES)


def add_words(
    group: _ArgumentGroup, dest: str, with_value: Sequence[tuple[str, ...]], flags: Sequence[tuple[str, ...]]
) -> None:
    """Add options of pip that are collected in ``dest``."""
    for names in with_value:
        group.add_argument(*names, dest=dest, action=Words, default=[], metavar="...", help=SUPPRESS)
    for names in flags:
        group.add_argument(*names, dest=dest, action=Words, default=[], nargs=0, help=SUPPRESS)
    group.description = " ".join([str(group.description or "") + ":", *(names[-1] for names in (*with_value, *flags))])


def add_settings(parser: ArgumentParser) -> None:
    """Add what :func:`virtualenv_reflink.options.settings` reads, and how much to tell."""
    for option in SETTINGS:
        option.add_to(parser, os.environ)
    talk = parser.add_mutually_exclusive_group()
    talk.add_argument("-v", "--verbose", action="store_true", help="explain what is done")
    talk.add_argument("-q", "--quiet", action="store_true", help="say nothing unless it fails")
