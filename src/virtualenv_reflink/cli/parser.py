"""How every command begins to read its command line."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from pathlib import Path


def command_parser(command: str, docstring: str | None) -> ArgumentParser:
    """Return a parser that describes a command as the ``docstring`` of its module does after the command's name."""
    _, _, told = (docstring or "").replace("``", "").partition(": ")
    return ArgumentParser(
        f"virtualenv-reflink {command}",
        description=told[:1].upper() + told[1:],
        formatter_class=RawDescriptionHelpFormatter,
    )


def filled(text: str) -> str:
    """Return ``text``, which a variable of the shell that is not set would leave empty.

    :raises ArgumentTypeError: when it is empty.
    """
    if not text:
        raise ArgumentTypeError("it must not be empty")
    return text


def filled_path(text: str) -> Path:
    """Return ``text`` as a path; an empty one would be the present directory.

    :raises ArgumentTypeError: when it is empty.
    """
    return Path(filled(text))
