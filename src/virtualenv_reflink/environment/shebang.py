"""The first lines of scripts, which name the interpreter that runs them."""

from __future__ import annotations

from collections.abc import Sequence

# What the kernel reads of a first line on Linux, execve(2), less "#!" and the newline.
_SHEBANG_LIMIT = 127
_BLANKS = frozenset(" \t")


def shebang(executable: str, arguments: Sequence[str] = ()) -> bytes:
    """Return the first lines that run a Python script with ``executable``, however long or spaced its path is.

    Where the kernel could not read the path, ``sh`` starts the interpreter from what Python takes for a string.
    """
    simple = f"#!{' '.join([executable, *arguments])}\n".encode("utf-8", "surrogateescape")
    if not _BLANKS & set(executable) and len(simple) <= _SHEBANG_LIMIT:
        return simple
    import shlex  # hardly any path needs it

    quoted = shlex.join([executable, *arguments]).encode("utf-8", "surrogateescape")
    return b"#!/bin/sh\n'''exec' " + quoted + b' "$0" "$@"\n' + b"' '''\n"
