"""The lines of a requirements file, read as pip reads them (pip's requirements file format)."""

import codecs
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from virtualenv_reflink.requirements.pip_options import Option, UnknownOptionError, options_of

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)
# compiled when they are first used: many commands read no such file
_CODING = rb"coding[:=]\s*([-\w.]+)"
_COMMENT = r"(^|\s+)#.*$"
_VARIABLE = r"\$\{([A-Z0-9_]+)\}"


class Line(NamedTuple):
    """A line: the requirement, if it has one, and its options; none of them are known for sure if ``is_odd``."""

    requirement: str
    options: tuple[Option, ...]
    is_odd: bool = False


def lines_of(content: bytes, environ: Mapping[str, str]) -> Iterator[Line]:
    """Yield the lines that say something, variables replaced.

    :raises ValueError: when the text cannot be decoded without knowledge of the locale.
    """
    for text in _logical(_decoded(content).splitlines()):
        text = re.sub(_COMMENT, "", text).strip()
        if text:
            yield _line(_expanded(text, environ))


def _line(text: str) -> Line:
    words = text.split(" ")
    first = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
    requirement = " ".join(words[:first]).strip()
    try:
        return Line(requirement, tuple(options_of(shlex.split(" ".join(words[first:])))))
    except (UnknownOptionError, ValueError):
        return Line(requirement, (), is_odd=True)


def _decoded(content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    for line in content.split(b"\n")[:2]:
        coding = re.search(_CODING, line) if line.startswith(b"#") else None
        if coding:
            try:
                return content.decode(coding[1].decode("ascii"))
            except LookupError as error:
                raise ValueError(str(error)) from error
    return content.decode("utf-8")


def _logical(lines: Iterable[str]) -> Iterator[str]:
    """Join lines that end with a backslash; a comment ends them too."""
    parts: list[str] = []
    for line in lines:
        is_comment = bool(re.match(_COMMENT, line))
        if line.endswith("\\") and not is_comment:
            parts.append(line.strip("\\"))
        else:
            yield "".join([*parts, " " + line if is_comment else line])
            parts = []
    if parts:
        yield "".join(parts)


def _expanded(text: str, environ: Mapping[str, str]) -> str:
    return re.sub(_VARIABLE, lambda found: environ.get(found[1]) or found[0], text)
