"""How the languages of an environment's files write paths, so that one path can be put into the place of another."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Mapping
from typing import NamedTuple

# What continues the name of a file, so that neither /a/env-2 nor /b/a/env is taken for /a/env.
_BEFORE = rb"(?<![\w.\-+@~%\x80-\xff])"
AFTER = rb"(?![\w\-+@~%\x80-\xff]|\.\w)"
"""A pattern of what is behind a path, however it is quoted."""


class Quoting(NamedTuple):
    """A way to write paths: a pattern of what is before one, how one was written there, and how to write one there."""

    before: bytes
    read: Callable[[str], str]
    write: Callable[[str], str]


def _as_it_is(path: str) -> str:
    return path


def _escaping(characters: str, escape: str = "\\") -> Callable[[str], str]:
    """Return what puts ``escape`` before each of ``characters``."""
    table = {ord(character): escape + character for character in characters}
    return lambda path: path.translate(table)


def _within_single_quotes(path: str) -> str:
    return path.replace("'", "'\"'\"'")


def _bash_word(path: str) -> str:
    """Return a path as virtualenv writes it for bash: what is not ASCII comes from ``printf``."""
    if path.isascii():
        return shlex.quote(path)
    return "".join(map(_bash_part, re.findall("[\x00-\x7f]+|[^\x00-\x7f]+", path)))


def _bash_part(part: str) -> str:
    if part.isascii():
        return shlex.quote(part)
    octal = "".join(f"\\0{byte:03o}" for byte in os.fsencode(part))
    return f"\"$(unset -f printf 2>/dev/null || :; \\printf '%b' '{octal}')\""


def _csh_word(path: str) -> str:
    """Return a path as virtualenv writes it for csh: each byte that is not ASCII ends a string."""
    word = f"'{_within_single_quotes(path)}'".replace("\\", "'\\\\'").replace("!", "'\\!'")
    apart = (bytes([byte]) + (b"''" if byte > 0x7F else b"") for byte in os.fsencode(word))
    return os.fsdecode(b"".join(apart))


def _fish_word(path: str) -> str:
    """Return a path as virtualenv writes it for fish: what has to be escaped is between strings."""
    return "'" + re.sub(r"[\\']", lambda found: f"'\\{found.group()}'", path) + "'"


def _within_powershell_quotes(path: str) -> str:
    return path.translate({ord(quote): quote * 2 for quote in "'\u2018\u2019\u201a\u201b"})


def _ascii_json(path: str) -> str:
    return json.dumps(path)[1:-1]


def _utf8_json(path: str) -> str:
    return json.dumps(path, ensure_ascii=False)[1:-1]


_AFTER_SINGLE_QUOTE = b"(?<=')"
_AFTER_DOUBLE_QUOTE = b'(?<=")'
_WORD = rb"(?:(?<=[\s=(])|^)"
_PLAIN = Quoting(_BEFORE, _as_it_is, _as_it_is)
_SHELL = (
    Quoting(_AFTER_SINGLE_QUOTE, _within_single_quotes, _within_single_quotes),
    # as old versions of venv do not escape anything, there are two ways to read them
    *(Quoting(_AFTER_DOUBLE_QUOTE, read, _escaping('\\"$`')) for read in (_escaping('\\"$`'), _as_it_is)),
    # needs quotes as soon as it has a blank
    Quoting(_WORD, _as_it_is, shlex.quote),
    _PLAIN,
)

TEXT = "text"
LANGUAGES: Mapping[str, tuple[Quoting, ...]] = {
    TEXT: (_PLAIN,),
    "shell": (Quoting(_WORD, _bash_word, _bash_word), *_SHELL),
    "csh": (Quoting(_WORD, _csh_word, _csh_word), *_SHELL),
    "fish": (
        Quoting(_WORD, _fish_word, _fish_word),
        Quoting(_AFTER_SINGLE_QUOTE, _escaping("\\'"), _escaping("\\'")),
        *_SHELL,
    ),
    "nu": (
        _PLAIN,
        Quoting(_AFTER_SINGLE_QUOTE, _within_single_quotes, _within_single_quotes),
    ),
    "powershell": (
        Quoting(_AFTER_SINGLE_QUOTE, _within_powershell_quotes, _within_powershell_quotes),
        Quoting(_AFTER_DOUBLE_QUOTE, _escaping('"$`', "`"), _escaping('"$`', "`")),
        _PLAIN,
    ),
    "python": (
        Quoting(_AFTER_SINGLE_QUOTE, _escaping("\\'"), _escaping("\\'")),
        Quoting(_AFTER_DOUBLE_QUOTE, _escaping('\\"'), _escaping('\\"')),
        Quoting(_BEFORE, _as_it_is, _escaping("\\'\"")),
    ),
    "json": (
        Quoting(_BEFORE, _ascii_json, _ascii_json),
        Quoting(_BEFORE, _utf8_json, _utf8_json),
    ),
}
"""The ways of each language, in the order in which they are tried."""
