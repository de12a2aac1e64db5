"""Each option that all fronts have, declared once: for virtualenv's parser, for that of our commands, for tox."""

import os
import re
from argparse import Action, ArgumentError, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from virtualenv_reflink.cache.temporary import is_temporary
from virtualenv_reflink.errors import OptionError
from virtualenv_reflink.provision.link_modes import DEFAULT, LINK_MODES, needs_lasting_cache
from virtualenv_reflink.provision.resolvers import RESOLVERS
from virtualenv_reflink.provision.settings import NINETY_DAYS, TEN_MINUTES, Settings, default_wheel_cache

_TRUE = ("1", "yes", "true", "on")
_FALSE = ("0", "no", "false", "off")
# no comma inside of brackets, which hold extras, and none before an operator, which continues a specifier
_BETWEEN_ITEMS = r",(?![^\[]*\])(?!\s*[=!~<>])"


def link_mode(text: str) -> str:
    """Return ``text``, which must be a link mode.

    :raises ArgumentTypeError: when it is none.
    """
    if text not in LINK_MODES:
        raise ArgumentTypeError(f"there is no link mode {text!r}; choose from {', '.join(LINK_MODES)}")
    return text


def _resolver(text: str) -> str:
    if text not in RESOLVERS:
        raise ArgumentTypeError(f"there is no resolver {text!r}; choose from {', '.join(RESOLVERS)}")
    return text


def _directory(text: str) -> Path:
    if not text:
        raise ArgumentTypeError("the name of a directory must not be empty")
    try:
        return Path(text).expanduser().absolute()
    except (OSError, RuntimeError) as error:
        raise ArgumentTypeError(f"{text!r} cannot be made an absolute path: {error}") from None


def _directories(text: str) -> tuple[Path, ...]:
    return tuple(_directory(part) for part in text.split(os.pathsep) if part)


def _seconds(text: str) -> float:
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


def _switch(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ArgumentTypeError(f"{text!r} is none of {', '.join((*_TRUE, *_FALSE))}")
    return text.lower() in _TRUE


def _items(text: str) -> list[str]:
    """Return what a variable or a line of a configuration file lists: one a line, or between commas."""
    parts = text.splitlines()
    if len(parts) == 1:
        parts = re.split(_BETWEEN_ITEMS, text)
    return [part.strip() for part in parts if part.strip()]


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
            action=_Append if self.parse is _items else partial(_Store, self.parse),  # type: ignore[arg-type]
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


LINK_MODE = Option(
    "--link-mode",
    "link_mode",
    f"{{{','.join(LINK_MODES)}}}",
    link_mode,
    DEFAULT,
    "how files reach the environment; auto takes the quickest way that keeps it apart from all others",
)
WITH = (
    Option(
        "--with",
        "with_wheels",
        "REQUIREMENT",
        _items,
        "",
        "also install this and what it depends on: anything that pip install takes (can be set 1+ times)",
    ),
    Option(
        "--with-requirements",
        "with_requirements",
        "FILE",
        _items,
        "",
        "also install what this requirements file or pylock.toml asks for (can be set 1+ times)",
    ),
)
WHEEL_CACHE = Option(
    "--wheel-cache",
    "wheel_cache",
    "DIR",
    _directory,
    None,
    "the directory of unpacked wheels (the user's cache directory unless set)",
)
BASE_CACHE = Option(
    "--base-cache",
    "base_cache",
    "DIRS",
    _directories,
    "",
    f"caches that are only read, looked into before anything is unpacked ({os.pathsep!r} stands between several)",
)
CACHE_MAX_AGE = Option(
    "--cache-max-age",
    "cache_max_age",
    "DAYS",
    days,
    f"{NINETY_DAYS:g}",
    f"take out of the wheel cache what was not used for so long ({NINETY_DAYS:g} days unless set; 0 for never)",
)
SETTINGS = (
    LINK_MODE,
    WHEEL_CACHE,
    BASE_CACHE,
    CACHE_MAX_AGE,
    Option(
        "--no-compile-bytecode",
        "no_compile_bytecode",
        None,
        _switch,
        None,
        "install sources without their bytecode",
    ),
    Option(
        "--offline",
        "offline",
        None,
        _switch,
        None,
        "use what is in the wheel cache, however old, and no network",
    ),
    Option(
        "--refresh",
        "refresh",
        None,
        _switch,
        None,
        "resolve requirements again, even if that was done a moment ago",
    ),
    Option(
        "--remember-for",
        "remember_for",
        "SECONDS",
        _seconds,
        f"{TEN_MINUTES:g}",
        f"how long a resolution of requirements is good ({TEN_MINUTES:g} seconds unless set)",
    ),
    Option(
        "--resolver",
        "resolver",
        f"{{{','.join(RESOLVERS)}}}",
        _resolver,
        RESOLVERS[0],
        "who finds out which packages requirements come to; uv is quick, and an extra",
    ),
)


def listed(value: str | list[str]) -> list[str]:
    """Return the values of an option of :data:`WITH`, which a parser gives as a text if it was not set by hand."""
    return _items(value) if isinstance(value, str) else value


def wheel_cache(options: Namespace) -> Path:
    """Return the directory that :data:`WHEEL_CACHE` says, or where the cache of this user is.

    :raises OptionError: when it cannot be read.
    """
    return WHEEL_CACHE.value(options) or default_wheel_cache()


def settings(options: Namespace) -> Settings:
    """Return what the options of :data:`SETTINGS` say once they are parsed.

    :raises OptionError: when one cannot be read, or they contradict each other.
    """
    values = {option.dest: option.value(options) for option in SETTINGS}
    place = values["wheel_cache"] or default_wheel_cache()
    if is_temporary(place) and needs_lasting_cache(values["link_mode"]):
        raise OptionError(
            f"--link-mode {values['link_mode']} needs a wheel cache that stays; name one with --wheel-cache"
        )
    return Settings(
        wheel_cache=place,
        link_mode=values["link_mode"],
        compile_bytecode=not values["no_compile_bytecode"],
        offline=values["offline"],
        refresh=values["refresh"],
        remember_for=values["remember_for"],
        cache_max_age=values["cache_max_age"],
        base_caches=values["base_cache"],
        resolver=values["resolver"],
    )


def check_variables(environ: Mapping[str, str]) -> None:
    """Read the variables of all options, for a front whose parser would pass over one that cannot be read.

    :raises OptionError: naming the first that cannot be read.
    """
    for option in (*WITH, *SETTINGS):
        text = environ.get(option.variable)
        if text:
            try:
                option.parse(text)
            except ArgumentTypeError as error:
                raise OptionError(f"{option.variable} cannot be used: {error}") from None
