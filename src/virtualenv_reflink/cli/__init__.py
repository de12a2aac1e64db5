"""``virtualenv-reflink`` and ``python -m virtualenv_reflink``: one module a subcommand."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from virtualenv_reflink.errors import ReflinkError, TargetError
from virtualenv_reflink.integrations.process import run_as_process, tell_interrupt

_COMMANDS = {
    "venv": "make virtual environments as python -m venv does",
    "install": "install requirements, with what they depend on, into an environment",
    "fork": "make a separate copy of an environment, whoever made that",
    "lock": "resolve requirements into a pylock.toml",
    "remove": "delete environments at once",
    "cache": "look at the wheel cache, verify it, and make it smaller",
    "dedupe": "let environments that exist already share on disk what they hold twice",
    "explain": "tell what an environment takes of the disk, or which link mode a directory gets and why",
    "eject": "turn the packages of a layer into the environment's own",
    "default": "make reflink the seeder of every tool that calls virtualenv, or no longer",
}


def script() -> NoReturn:
    """Run a subcommand as a process of its own."""
    run_as_process(main)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit status; only the one that is asked for is imported."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] not in _COMMANDS:
        return _explain(words)
    try:
        _check_working_directory()
        command = import_module(f"virtualenv_reflink.cli.{words[0]}")
        return int(command.run(words[1:]))
    except ReflinkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        # a filesystem that fails does so wherever it is looked at
        where = error.filename or "a file"
        print(f"error: {where} cannot be used: {error.strerror or error}; check its disk", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        return tell_interrupt(interrupt)


def _check_working_directory() -> None:
    """Refuse to run where there is no directory: neither pip nor a relative path can be used there.

    :raises TargetError: when it was deleted.
    """
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise TargetError("the working directory was deleted; change into one that is there") from error


def _explain(words: list[str]) -> int:
    if words[:1] == ["--version"]:
        from importlib.metadata import version

        from virtualenv_reflink.filesystem.native import core

        print(f"virtualenv-reflink {version('virtualenv-reflink')} ({core()} core)")
        return 0
    from virtualenv_reflink.cli.listing import explain

    return explain(words, _COMMANDS, "virtualenv-reflink")
