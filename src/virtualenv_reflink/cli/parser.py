"""How every command begins to read its command line."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter


def command_parser(command: str, docstring: str | None) -> ArgumentParser:
    """Return a parser that describes a command as the ``docstring`` of its module does after the command's name."""
    _, _, told = (docstring or "").replace("``", "").partition(": ")
    return ArgumentParser(
        f"virtualenv-reflink {command}",
        description=told[:1].upper() + told[1:],
        formatter_class=RawDescriptionHelpFormatter,
    )
