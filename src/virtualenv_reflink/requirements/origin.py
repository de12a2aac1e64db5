"""What pip needs to fetch or build a package beside its address: credentials, places to look, settings of a build."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.requirements.lock import Lock, Locked, Origin

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.pip_options import Option
    from virtualenv_reflink.requirements.reading import Reading, ReadRequirement

_LEFT_OUT = frozenset({"require-hashes", "no-require-hashes"})


class Wishes:
    """Finds the requirement that names a package, or its place."""

    def __init__(self, requirements: Iterable[ReadRequirement]) -> None:
        self._by_name: dict[str, ReadRequirement] = {}
        self._by_place: dict[str, ReadRequirement] = {}
        for each in requirements:
            if each.named.project:
                self._by_name[normalized_name(each.named.project)] = each
            else:
                self._by_place[_place(each)] = each

    def of(self, package: Locked) -> ReadRequirement | None:
        """Return the last of the requirements that ask for a package, or None."""
        name = normalized_name(package.name)
        return self._by_name.get(name) or self._by_place.get(str(package.path)) or self._by_place.get(package.url)


def with_origins(lock: Lock, reading: Reading) -> Lock:
    """Return a lock whose packages know what the request says of them."""
    lines = tuple(option_line(option) for option in reading.options if option.name not in _LEFT_OUT)
    wishes = Wishes(reading.requirements)
    return Lock([package._replace(origin=_origin(lines, wishes.of(package))) for package in lock.packages])


def with_userinfo(url: str, userinfo: str) -> str:
    """Return an address with credentials, unless it has some."""
    scheme, authority, rest = _split(url)
    return f"{scheme}://{userinfo}@{authority}{rest}" if userinfo and "@" not in authority else url


def option_text(options: Iterable[Option]) -> str:
    """Return options as a requirements file has them."""
    return " ".join(map(option_line, options))


def _origin(lines: tuple[str, ...], found: ReadRequirement | None) -> Origin:
    if found is None:
        return Origin(lines)
    settings = tuple(option for option in found.options if option.name == "config-settings")
    return Origin(lines, _split(found.named.url)[1].rpartition("@")[0], settings)


def option_line(option: Option) -> str:
    """Return an option as a line of a requirements file."""
    return f"--{option.name}" + (f" {shlex.quote(option.value)}" if option.value else "")


def _place(requirement: ReadRequirement) -> str:
    """Return the address of a requirement as pip's report has it: without credentials, revision and fragment."""
    if requirement.named.path is not None:
        return str(requirement.named.path)
    scheme, authority, rest = _split(requirement.named.url)
    rest = rest.partition("#")[0]
    if "+" in scheme:
        scheme, rest = scheme.partition("+")[2], rest.rpartition("@")[0] or rest
    return f"{scheme}://{authority.rpartition('@')[2]}{rest}"


def _split(url: str) -> tuple[str, str, str]:
    """Return the scheme, the authority and the rest of an address."""
    scheme, _, rest = url.partition("://")
    authority = re.match(r"[^/?#]*", rest)
    length = authority.end() if authority else 0
    return scheme, rest[:length], rest[length:]
