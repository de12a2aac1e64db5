"""What an environment takes of the disk, what was changed in it, and who uses it: figures for each distribution."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from virtualenv_reflink.cache.cached_files import cached_files
from virtualenv_reflink.environment.installed import Installed, installed_in, layer_of
from virtualenv_reflink.filesystem.extents import Extents, extents_of_all
from virtualenv_reflink.filesystem.mappings import mappings
from virtualenv_reflink.filesystem.subvolume import is_subvolume
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.sharing.account import Account, Usage
from virtualenv_reflink.sharing.contents import Promised, changed_files
from virtualenv_reflink.sharing.environments import FoundFile, Place, files_below
from virtualenv_reflink.sharing.listed import distributions_of
from virtualenv_reflink.sharing.space import spaces_of


def usage_of(place: Place, caches: Sequence[Path], progress: Progress) -> list[Usage]:
    """Return the usage of each distribution in an environment, its layer's among them, and last what belongs to none.

    :raises CacheError: when others may write to one of the caches.
    """
    layers = [layer.tree for library in place.libraries if (layer := layer_of(library))]
    files, maps = _mapped([place.root, *layers])
    accounts = _Accounts(place, layers)
    accounts.add_files(files, maps)
    accounts.add_missing(files)
    accounts.add_mappings(files)
    cached = cached_files(caches, accounts.dist_infos)
    accounts.add_changed(changed_files(list(accounts.promised(files, maps)), cached, progress))
    return accounts.usages()


def _mapped(roots: Sequence[Path]) -> tuple[list[FoundFile], list[Extents | None]]:
    """Return the files below ``roots`` and their extents, which are asked for while more files are being found."""
    files: list[FoundFile] = []

    def found() -> Iterator[str]:
        for root in roots:
            for file in files_below(str(root)):
                files.append(file)
                yield file.path

    maps = extents_of_all(found())
    return files, maps


class _Accounts:
    """The accounts of all distributions in an environment and its layers, and that of files that none lists."""

    def __init__(self, place: Place, layers: Sequence[Path]) -> None:
        self._accounts = [Account(distribution, _whole(distribution)) for distribution in distributions_of(place)]
        self._accounts += [Account(distribution, "layer") for tree in layers for distribution in installed_in(tree)]
        self._unlisted = Account(None, None)
        self._listed = {path: account for account in self._accounts for path in account.listed}

    @property
    def dist_infos(self) -> set[str]:
        """The names of the metadata directories."""
        return {account.dist_info for account in self._accounts}

    def add_files(self, files: Sequence[FoundFile], maps: Sequence[Extents | None]) -> None:
        """Count files, of which ``maps`` are the extents."""
        for file, space in zip(files, spaces_of(files, maps), strict=True):
            self._of(file.path).add(space)

    def add_missing(self, files: Sequence[FoundFile]) -> None:
        """Note what is listed and not there; ``files`` certainly are."""
        for path in self._listed.keys() - {file.path for file in files}:
            account = self._listed[path]
            if account.listed[path] and not os.path.lexists(path):
                account.missing.append(path)

    def add_mappings(self, files: Sequence[FoundFile]) -> None:
        """Count what processes have mapped of ``files``."""
        present = {file.path for file in files}
        for mapping in mappings():
            if mapping.path in present:
                self._of(mapping.path).map(mapping)

    def add_changed(self, paths: Sequence[str]) -> None:
        """Note listed files that have another content."""
        for path in paths:
            self._listed[path].changed.append(path)

    def promised(self, files: Sequence[FoundFile], maps: Sequence[Extents | None]) -> Iterator[Promised]:
        """Yield those of ``files`` of which RECORD has a hash."""
        for file, extents in zip(files, maps, strict=True):
            account = self._listed.get(file.path)
            content = account.listed[file.path] if account else None
            if content:
                yield Promised(file, extents, content)

    def usages(self) -> list[Usage]:
        """Return what was gathered."""
        return [account.usage() for account in (*self._accounts, self._unlisted)]

    def _of(self, path: str) -> Account:
        return self._listed.get(path, self._unlisted)


def _whole(distribution: Installed) -> str | None:
    """Return the link mode by which all of a distribution came at once, as far as its directory tells."""
    return "snapshot" if is_subvolume(str(distribution.path.parent)) else None
