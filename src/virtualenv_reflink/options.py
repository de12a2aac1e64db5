"""Each option that all fronts have, declared once: for virtualenv's parser, for that of our commands, for tox."""

import os
from argparse import ArgumentTypeError, Namespace
from collections.abc import Mapping
from pathlib import Path

from virtualenv_reflink.cache.temporary import is_temporary
from virtualenv_reflink.errors import OptionError
from virtualenv_reflink.option import Option, days, directories, directory, items, seconds, switch
from virtualenv_reflink.provision.link_modes import DEFAULT, LINK_MODES, link_modes, needs_lasting_cache
from virtualenv_reflink.provision.resolvers import RESOLVERS
from virtualenv_reflink.provision.settings import NINETY_DAYS, TEN_MINUTES, Settings, default_wheel_cache


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
        items,
        "",
        "also install this and what it depends on: anything that pip install takes (can be set 1+ times)",
    ),
    Option(
        "--with-requirements",
        "with_requirements",
        "FILE",
        items,
        "",
        "also install what this requirements file or pylock.toml asks for (can be set 1+ times)",
    ),
)
WHEEL_CACHE = Option(
    "--wheel-cache",
    "wheel_cache",
    "DIR",
    directory,
    None,
    "the directory of unpacked wheels (the user's cache directory unless set)",
)
BASE_CACHE = Option(
    "--base-cache",
    "base_cache",
    "DIRS",
    directories,
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
SHARE_MEMORY = Option(
    "--share-memory",
    "share_memory",
    None,
    switch,
    None,
    "make shared objects read-only hard links to the wheel cache, so that all interpreters have them in memory once",
)
SETTINGS = (
    LINK_MODE,
    SHARE_MEMORY,
    WHEEL_CACHE,
    BASE_CACHE,
    CACHE_MAX_AGE,
    Option(
        "--no-compile-bytecode",
        "no_compile_bytecode",
        None,
        switch,
        None,
        "install sources without their bytecode",
    ),
    Option(
        "--offline",
        "offline",
        None,
        switch,
        None,
        "use what is in the wheel cache, however old, and no network",
    ),
    Option(
        "--refresh",
        "refresh",
        None,
        switch,
        None,
        "resolve requirements again, even if that was done a moment ago",
    ),
    Option(
        "--remember-for",
        "remember_for",
        "SECONDS",
        seconds,
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


def wheel_cache(options: Namespace) -> Path:
    """Return the directory that :data:`WHEEL_CACHE` says, or where the cache of this user is.

    :raises OptionError: when it cannot be read.
    """
    return WHEEL_CACHE.value(options) or default_wheel_cache()


def settings(options: Namespace) -> Settings:
    """Return what the options of :data:`SETTINGS` say once they are parsed.

    :raises OptionError: when one cannot be read, or they contradict each other.
    :raises LinkModeError: when the link mode cannot share memory and is to.
    """
    values = {option.dest: option.value(options) for option in SETTINGS}
    place = values["wheel_cache"] or default_wheel_cache()
    if is_temporary(place) and needs_lasting_cache(values["link_mode"]):
        raise OptionError(
            f"--link-mode {values['link_mode']} needs a wheel cache that stays; name one with --wheel-cache"
        )
    if values["share_memory"]:
        check_sharing(values["link_mode"])
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
        share_memory=values["share_memory"],
    )


def check_sharing(mode: str) -> None:
    """Refuse a link mode in which :data:`SHARE_MEMORY` is impossible.

    :raises LinkModeError: when it is.
    """
    link_modes(mode).sharing_memory()


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
