"""What is said where no command was named."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence


def explain(words: Sequence[str], commands: Mapping[str, str], program: str, of_what: str = "") -> int:
    """List the commands of ``program``, each with its purpose, and return the exit status: 0 if they were asked for."""
    asked = list(words[:1]) in (["-h"], ["--help"])
    out = sys.stdout if asked else sys.stderr
    if words and not asked:
        print(f"error: there is no command {words[0]!r}{of_what}", file=out)
    print(f"usage: {program} COMMAND ...   (COMMAND --help tells its options)\n", file=out)
    for name, purpose in commands.items():
        print(f"  {name:8} {purpose}", file=out)
    return 0 if asked else 2
