"""What an environment takes of the disk, what was changed in it, and who uses it: figures for each distribution."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.cached_files import Content, cached_files
from virtualenv_reflink.environment.installed import Installed, installed_in, layer_of
from virtualenv_reflink.filesystem.extents import Extents, extents_of_all
from virtualenv_reflink.filesystem.mappings import Mapping, mappings
from virtualenv_reflink.filesystem.subvolume import is_subvolume
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.sharing.contents import Promised, changed_files
from virtualenv_reflink.sharing.environments import FoundFile, Place, files_below
from virtualenv_reflink.sharing.listed import distributions_of, listed_in
from virtualenv_reflink.sharing.space import FileSpace, Space, spaces_of, total


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


def usage_of(place: Place, wheel_cache: Path, progress: Progress) -> list[Usage]:
    """Return the usage of each distribution in an environment, its layer's among them, and last what belongs to none.

    :raises CacheError: when others may write to the cache.
    """
    layers = [layer for library in place.libraries if (layer := layer_of(library))]
    accounts = [_Account(distribution, _is_whole(distribution)) for distribution in distributions_of(place)]
    accounts += [_Account(distribution, "layer") for layer in layers for distribution in installed_in(layer.tree)]
    listed = {path: account for account in accounts for path in account.listed}
    unlisted = _Account(None, None)
    files = [file for root in (place.root, *(layer.tree for layer in layers)) for file in files_below(str(root))]
    maps = extents_of_all([file.path for file in files])
    for file, space in zip(files, spaces_of(files, maps), strict=True):
        listed.get(file.path, unlisted).add(space)
    cached = cached_files(wheel_cache, {account.dist_info for account in accounts}).by_content
    for path in changed_files(list(_promised(files, maps, listed)), cached, progress):
        listed[path].changed.append(path)
    present = {file.path: None for file in files}
    for path, account in listed.items():
        if account.listed[path] and path not in present and not os.path.lexists(path):
            account.missing.append(path)
    for mapping in mappings():
        if mapping.path in present:
            listed.get(mapping.path, unlisted).map(mapping)
    return [account.usage() for account in (*accounts, unlisted)]


class _Account:
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


def _is_whole(distribution: Installed) -> str | None:
    return "snapshot" if is_subvolume(str(distribution.path.parent)) else None


def _promised(
    files: Sequence[FoundFile], maps: Sequence[Extents | None], listed: dict[str, _Account]
) -> Iterator[Promised]:
    for file, extents in zip(files, maps, strict=True):
        account = listed.get(file.path)
        content = account.listed[file.path] if account else None
        if content:
            yield Promised(file, extents, content)


def _installer(distribution: Installed) -> str:
    with suppress(OSError):
        return (distribution.path / "INSTALLER").read_text(encoding="utf-8", errors="replace").strip()
    return ""
