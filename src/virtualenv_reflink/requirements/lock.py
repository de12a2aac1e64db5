"""A lock: exactly what is to be installed, and where it comes from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from virtualenv_reflink.requirements.file_urls import path_of

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.pip_options import Option

Source = dict[str, Any]
"""Where a package comes from, in the form of a direct URL (PEP 610)."""


class Origin:
    """How a requirement says that a package is to be had. It holds secrets and is never written or shown.

    ``lines`` are lines of a requirements file with options about indexes, ``userinfo`` is that part of the address
    (RFC 3986), ``settings`` are options that stand behind the requirement.
    """

    # no tuple, which would be shown and written with all that is in it
    __slots__ = ("lines", "settings", "userinfo")

    def __init__(self, lines: tuple[str, ...] = (), userinfo: str = "", settings: "tuple[Option, ...]" = ()) -> None:
        self.lines = lines
        self.userinfo = userinfo
        self.settings = settings


class Locked(NamedTuple):
    """A package of a lock; ``is_direct`` when the user gave its source and no index was asked.

    ``in_order`` is whether it stands where pip would install it. ``origin`` is what the request says of it beside that;
    it may hold secrets, so no text is made of it.
    """

    name: str
    version: str
    requested: bool
    is_direct: bool
    source: Source
    in_order: bool = False
    origin: Origin | None = None

    @property
    def url(self) -> str:
        """The address of the archive, repository or directory."""
        return str(self.source["url"])

    @property
    def filename(self) -> str:
        """The last part of the address."""
        address = self.url.partition("#")[0].partition("?")[0]
        return _unquoted(address.rstrip("/").rpartition("/")[2]).rpartition("/")[2]

    @property
    def path(self) -> Path | None:
        """The place on this machine, if the address is one."""
        place = self.place
        return None if place is None else Path(place)

    @property
    def place(self) -> str | None:
        """The same as a text."""
        if not self.url.startswith("file:"):
            return None
        # of a repository pip tells the path as it is, of all else with its special characters replaced
        return self.url.removeprefix("file://") if "vcs_info" in self.source else path_of(self.url)

    @property
    def is_wheel(self) -> bool:
        """Whether it is an archive that needs no building."""
        return "archive_info" in self.source and self.filename.endswith(".whl")

    @property
    def is_editable(self) -> bool:
        """Whether the environment is to refer to the directory instead of getting its content."""
        return bool(self.source.get("dir_info", {}).get("editable"))

    @property
    def hashes(self) -> dict[str, str]:
        """The hashes of the archive in hexadecimal, by algorithm; none for directories and repositories."""
        archive = self.source.get("archive_info", {})
        if "hashes" in archive:
            return dict(archive["hashes"])
        algorithm, _, value = archive.get("hash", "").partition("=")
        return {algorithm: value} if value else {}

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of the archive in hexadecimal, where it is known."""
        return self.hashes.get("sha256", "").lower() or None

    @property
    def is_directory(self) -> bool:
        """Whether it is a project in a directory, whose content is not fixed; a repository on this machine is none."""
        return "dir_info" in self.source

    @property
    def direct_url(self) -> str | None:
        """The text of direct_url.json, which packages from an index have not (PEP 610)."""
        return json.dumps(self.source, sort_keys=True) if self.is_direct else None


class Lock(NamedTuple):
    """The packages that requirements were resolved to."""

    packages: list[Locked]

    @property
    def copied(self) -> list[Locked]:
        """The packages that become files of the environment."""
        return [package for package in self.packages if not package.is_editable]

    @property
    def editable(self) -> list[Locked]:
        """The packages that the environment only refers to."""
        return [package for package in self.packages if package.is_editable]

    def to_json(self) -> str:
        """Return it as text for :meth:`from_json`."""
        return json.dumps([package[:6] for package in self.packages], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Lock":
        """Read what :meth:`to_json` returned."""
        return cls([Locked(*row) for row in json.loads(text)])


def merged(locks: Sequence[Lock]) -> Lock:
    """Return one lock of several; of packages with the same name the last one stays."""
    filled = [lock for lock in locks if lock.packages]
    if len(filled) < 2:
        return filled[0] if filled else Lock([])
    from packaging.utils import canonicalize_name

    packages = {canonicalize_name(package.name): package for lock in filled for package in lock.packages}
    return Lock(list(packages.values()))


def is_same_version(one: str, other: str) -> bool:
    """Return whether two texts are the same version (version specifiers specification)."""
    if one == other:
        return True
    # seldom needed, and it takes time to import
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False


def _unquoted(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)
