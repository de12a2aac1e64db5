"""``virtualenv-reflink cache``: look at the wheel cache, verify it, and make it smaller."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from virtualenv_reflink.cli.listing import explain

_COMMANDS = {
    "dir": "tell where the wheel cache is",
    "size": "tell how many bytes of the disk it takes, by kind",
    "list": "list the wheels in it",
    "verify": "compare every file in it with what it was when it came in",
    "prune": "take out what has not been used for long",
    "fill": "bring what is asked for into it, without making an environment",
    "clean": "take out everything, or everything of some projects",
}


def run(arguments: Sequence[str]) -> int:
    """Run a subcommand of the subcommand; only the one that is asked for is imported."""
    words = list(arguments)
    if not words or words[0] not in _COMMANDS:
        return explain(words, _COMMANDS, "virtualenv-reflink cache", " for the cache")
    command = import_module(f"virtualenv_reflink.cli.cache.{words[0]}")
    return int(command.run(words[1:]))
