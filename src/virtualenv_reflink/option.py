"""What an option is that all fronts have: a flag, the variable that stands in for it, and how its text is read."""

import os
import re
from argparse import Action, ArgumentError, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from virtualenv_reflink.errors import OptionError

_TRUE = ("1", "yes", "true", "on")
_FALSE = ("0", "no", "false", "off")
# no comma inside of brackets, which hold extras, and none before an operator, which continues a specifier
_BETWEEN_ITEMS = r",(?![^\[]*\])(?!\s*[=!~<>])"


class Option(NamedTuple):
    """An option and the variable that stands in for it, read from text by ``parse``; one without metavar is a switch.

    Defaults are texts, because both argparse and virtualenv read those, from wherever they are, with ``parse``.
    """

    flag: str
    dest: str
    metavar: str | None
    parse: Callable[[str], Any]
    default: str | None
    help: str

    @property
    def variable(self) -> str:
        """The environment variable, which is the one that virtualenv gives to the option."""
        return "VIRTUALENV_" + self.flag.lstrip("-").replace("-", "_").upper()

    def add_to(self, parser: ArgumentParser, environ: Mapping[str, str]) -> None:
        """Add the option to a parser that asks the variable of ``environ``, where that is not empty, for its default.

        What the variable holds and cannot be read is an error of the parser. virtualenv's own parser looks at
        variables itself and is given no ``environ``.
        """
        text = environ.get(self.variable) or None
        try:
            value = None if text is None else self.parse(text)
        except ArgumentTypeError as error:
            parser.error(f"argument {self.flag}: {error} ({self.variable})")
        if self.metavar is None:
            parser.add_argument(self.flag, dest=self.dest, action="store_true", default=bool(value), help=self.help)
            return
        parser.add_argument(
            self.flag,
            dest=self.dest,
            metavar=self.metavar,
            action=_Append if self.parse is items else partial(_Store, self.parse),  # type: ignore[arg-type]
            type=str,
            default=text or self.default,
            help=self.help,
        )

    def value(self, options: Namespace) -> Any:
        """Return the value of the option, which a parser leaves as a text unless it is on the command line.

        :raises OptionError: when that cannot be read.
        """
        value = getattr(options, self.dest)
        try:
            return self.parse(value) if isinstance(value, str) else value
        except ArgumentTypeError as error:
            raise OptionError(f"{self.flag} cannot be used: {error}") from None


class _Store(Action):
    """Store what is read from the command line; what cannot be read is an error of the parser."""

    def __init__(self, parse: Callable[[str], Any], *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self._parse = parse

    def __call__(self, _: ArgumentParser, namespace: Namespace, values: Any, __: str | None = None) -> None:
        try:
            setattr(namespace, self.dest, self._parse(values))
        except ArgumentTypeError as error:
            raise ArgumentError(self, str(error)) from None


class _Append(Action):
    """Append to what a variable or a configuration file lists, which is a text until then."""

    def __call__(self, _: ArgumentParser, namespace: Namespace, values: Any, __: str | None = None) -> None:
        setattr(namespace, self.dest, [*listed(getattr(namespace, self.dest)), values])


def directory(text: str) -> Path:
    """Return ``text`` as an absolute path.

    :raises ArgumentTypeError: when it is none.
    """
    if not text:
        raise ArgumentTypeError("the name of a directory must not be empty")
    try:
        return Path(text).expanduser().absolute()
    except (OSError, RuntimeError) as error:
        raise ArgumentTypeError(f"{text!r} cannot be made an absolute path: {error}") from None


def directories(text: str) -> tuple[Path, ...]:
    """Return the absolute paths that ``text`` lists.

    :raises ArgumentTypeError: when one is none.
    """
    return tuple(directory(part) for part in text.split(os.pathsep) if part)


def seconds(text: str) -> float:
    """Return ``text`` as a number of seconds from 0 up.

    :raises ArgumentTypeError: when it is none.
    """
    return _amount(text, "seconds")


def days(text: str) -> float:
    """Return ``text`` as a number of days from 0 up.

    :raises ArgumentTypeError: when it is none.
    """
    return _amount(text, "days")


def _amount(text: str, unit: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number of {unit}") from None
    if not number >= 0:  # neither is nan
        raise ArgumentTypeError(f"{text!r} is not a number of {unit} from 0 up")
    return number


def switch(text: str) -> bool:
    """Return what ``text`` switches: on or off.

    :raises ArgumentTypeError: when it says neither.
    """
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ArgumentTypeError(f"{text!r} is none of {', '.join((*_TRUE, *_FALSE))}")
    return text.lower() in _TRUE


def items(text: str) -> list[str]:
    """Return what a variable or a line of a configuration file lists: one a line, or between commas."""
    parts = text.splitlines()
    if len(parts) == 1:
        parts = re.split(_BETWEEN_ITEMS, text)
    return [part.strip() for part in parts if part.strip()]


def listed(value: str | list[str]) -> list[str]:
    """Return the values of an option of several values, which a parser gives as a text if it was not set by hand."""
    return items(value) if isinstance(value, str) else value
