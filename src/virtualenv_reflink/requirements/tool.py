"""A tool run as a process of its own, whose output is told without credentials."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence

_CREDENTIALS = re.compile(r"(?<=://)(?!(?:git|hg|svn)@)[^/\s]+@")


def run_tool(
    command: Sequence[str], environ: Mapping[str, str], on_line: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Run a command, hand each line that it prints to ``on_line``, and return its exit status and all of the lines.

    :raises OSError: when it cannot be started.
    """
    with subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(without_credentials(line.rstrip("\n"), "****@"))
            on_line(said[-1])
    return process.returncode, said


def without_credentials(text: str, instead: str = "") -> str:
    """Return ``text`` with what stands before the host in each address replaced, but for users that are no secret."""
    return _CREDENTIALS.sub(instead, text)
