"""Options that several subcommands have."""

from __future__ import annotations

import os
from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, Namespace, _ArgumentGroup
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virtualenv_reflink.placing.linking import LINK_MODES
from virtualenv_reflink.provision.settings import TEN_MINUTES, Settings, default_wheel_cache

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
    """Return what the options of :func:`add_requirements` say, and choices handed to pip."""
    from virtualenv_reflink.requirements.request import Request

    return Request(
        requirements=tuple(options.requirements),
        editables=tuple(options.editables),
        files=tuple(options.files),
        constraints=tuple(options.constraints),
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
    """Add what :func:`settings` reads; each option has the environment variable that virtualenv gives it."""
    parser.add_argument(
        "--link-mode",
        choices=LINK_MODES,
        default=os.environ.get("VIRTUALENV_LINK_MODE", "auto"),
        help="how files reach the environment; auto clones where the filesystem can and copies elsewhere",
    )
    parser.add_argument(
        "--wheel-cache",
        metavar="DIR",
        type=Path,
        default=os.environ.get("VIRTUALENV_WHEEL_CACHE"),
        help="the directory of unpacked wheels (the user's cache directory unless set)",
    )
    parser.add_argument(
        "--no-compile-bytecode",
        action="store_true",
        default=_switched_on("VIRTUALENV_NO_COMPILE_BYTECODE"),
        help="install sources without their bytecode",
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        default=_switched_on("VIRTUALENV_OFFLINE"),
        help="use what is in the wheel cache, however old, and no network",
    )
    parser.add_argument(
        "--refresh",
        action="store_true",
        default=_switched_on("VIRTUALENV_REFRESH"),
        help="resolve anew, even if that was done a moment ago",
    )
    parser.add_argument(
        "--remember-for",
        metavar="SECONDS",
        type=_seconds,
        # a text among the defaults is read as one on the command line is
        default=os.environ.get("VIRTUALENV_REMEMBER_FOR", TEN_MINUTES),
        help=f"how long a resolution is good ({TEN_MINUTES:g})",
    )
    talk = parser.add_mutually_exclusive_group()
    talk.add_argument("-v", "--verbose", action="store_true", help="explain what is done")
    talk.add_argument("-q", "--quiet", action="store_true", help="say nothing unless it fails")


def settings(options: Namespace) -> Settings:
    """Return what the options of :func:`add_settings` say."""
    chosen = options.wheel_cache
    return Settings(
        wheel_cache=Path(chosen).expanduser().absolute() if chosen else default_wheel_cache(),
        link_mode=options.link_mode,
        compile_bytecode=not options.no_compile_bytecode,
        offline=options.offline,
        refresh=options.refresh,
        remember_for=options.remember_for,
    )


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds") from None


def _switched_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in {"1", "true", "yes", "on"}
