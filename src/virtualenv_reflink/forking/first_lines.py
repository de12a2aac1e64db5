"""The first lines of scripts, which name the interpreter that runs them."""

from __future__ import annotations

import os
import re
import shlex

from virtualenv_reflink.environment.shebang import shebang
from virtualenv_reflink.forking.moves import Moves

# What pip, uv and virtualenv-reflink write where the kernel could not read the path of the interpreter.
_TRAMPOLINE = re.compile(rb"#!/bin/sh\n'''exec' (?P<command>.+?) \"\$0\" \"\$@\"\n' '''\n", re.DOTALL)
_SIMPLE = re.compile(rb"#!(?P<command>[^\r\n]*)\r?\n")
_PYTHON = re.compile(r"python|pypy|graalpy")


def split_first_lines(content: bytes) -> tuple[bytes, bytes]:
    """Divide a script into the lines that name its interpreter, which may be none, and all that follows."""
    found = _TRAMPOLINE.match(content) or _SIMPLE.match(content)
    return (found.group(), content[found.end() :]) if found else (b"", content)


def is_python(first_lines: bytes) -> bool:
    """Return whether first lines run an interpreter of Python."""
    return bool(_PYTHON.search(os.fsdecode(first_lines)))


def moved_first_lines(first_lines: bytes, moves: Moves) -> bytes:
    """Return the first lines that name the interpreter where it is now."""
    words = _words(first_lines, moves)
    if not words or moves.of(words[0]) == words[0]:
        return first_lines
    executable, arguments = moves.of(words[0]), words[1:]
    if _PYTHON.match(os.path.basename(executable)):
        return shebang(executable, arguments)
    return os.fsencode(f"#!{' '.join([executable, *arguments])}\n")


def _words(first_lines: bytes, moves: Moves) -> list[str]:
    """Return the interpreter and the arguments that first lines name."""
    try:
        if found := _TRAMPOLINE.match(first_lines):
            return shlex.split(os.fsdecode(found["command"]))
        if found := _SIMPLE.match(first_lines):
            command = os.fsdecode(found["command"]).strip()
            # a path with blanks that nobody quoted
            place = moves.place_at_start_of(command)
            first, *arguments = command[len(place) :].split()
            return [place + first, *arguments]
    except ValueError:
        pass
    return []
