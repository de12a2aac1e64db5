"""What there is to tell of one distribution in an environment."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import NamedTuple

from virtualenv_reflink.cache.cached_files import Content
from virtualenv_reflink.environment.installed import Installed
from virtualenv_reflink.filesystem.mappings import Mapping
from virtualenv_reflink.sharing.listed import listed_in
from virtualenv_reflink.sharing.space import FileSpace, Space, total


class Usage(NamedTuple):
    """What there is to tell of a distribution, or, without a name, of the files that no RECORD lists.

    ``mode`` is the link mode by which most of its data are there. ``changed`` and ``missing`` are files that are not as
    RECORD says, ``processes`` the living ones that map ``mapped`` bytes of its files.
    """

    name: str
    version: str
    installer: str
    mode: str
    files: int
    space: Space
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    processes: tuple[int, ...]
    mapped: int


class Account:
    """Gathers the usage of one distribution."""

    def __init__(self, distribution: Installed | None, whole: str | None) -> None:
        """Take a distribution, or None for files of none, and the mode by which all of it came at once, if it did."""
        self._distribution = distribution
        self._whole = whole
        self.listed: dict[str, Content | None] = dict(listed_in(distribution)) if distribution else {}
        self.dist_info = distribution.path.name if distribution else ""
        self.changed: list[str] = []
        self.missing: list[str] = []
        self._spaces: list[Space] = []
        self._modes: Counter[str] = Counter()
        self._processes: set[int] = set()
        self._mapped = 0

    def add(self, found: FileSpace) -> None:
        """Count a file."""
        self._spaces.append(found.space)
        self._modes[found.mode] += found.space.alone + found.space.shared

    def map(self, mapping: Mapping) -> None:
        """Count what a process has mapped of a file."""
        self._processes.add(mapping.process)
        self._mapped += mapping.length

    def usage(self) -> Usage:
        """Return what was gathered."""
        distribution = self._distribution
        return Usage(
            name=distribution.name if distribution else "",
            version=distribution.version if distribution else "",
            installer=_installer(distribution) if distribution else "",
            mode=self._mode(),
            files=len(self._spaces),
            space=total(self._spaces),
            changed=tuple(self.changed),
            missing=tuple(sorted(self.missing)),
            processes=tuple(sorted(self._processes)),
            mapped=self._mapped,
        )

    def _mode(self) -> str:
        found = self._modes.most_common(1)[0][0] if self._modes else "copy"
        if self._whole == "snapshot":
            return "snapshot" if found == "clone" else found
        return self._whole or found


def _installer(distribution: Installed) -> str:
    with suppress(OSError):
        return (distribution.path / "INSTALLER").read_text(encoding="utf-8", errors="replace").strip()
    return ""
