"""Which files of many environments could hold the same bytes, as far as can be told without reading them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from virtualenv_reflink.cache.cached_files import CachedFile, Content, cached_bytecode, cached_files
from virtualenv_reflink.filesystem.mounts import mount_of, mounts
from virtualenv_reflink.sharing.environments import Place, files_below
from virtualenv_reflink.sharing.listed import distributions_of, listed_in

_Key = TypeVar("_Key", Content, int)

SMALL = 2048
"""Files of up to so many bytes are left alone: half of the files of environments, and a hundredth of the bytes.

btrfs keeps them in its metadata, max_inline in btrfs(5), where nothing can be shared.
"""


class Candidate(NamedTuple):
    """A file that others may be the same as; ``place`` is the environment it belongs to, None for the cache."""

    path: str
    size: int
    identity: tuple[int, int]
    place: Path | None


class Group(NamedTuple):
    """Files on one filesystem: by RECORD with the same content, or, unless they are ``listed``, of the same size."""

    files: list[Candidate]
    listed: bool


class Candidates(NamedTuple):
    """All groups of two files or more, and how many files of each environment are small."""

    groups: list[Group]
    small: dict[Path, int]


def candidates_in(places: Sequence[Place], caches: Sequence[Path]) -> Candidates:
    """Return what could be shared among environments and caches, whose files come first in their groups.

    :raises CacheError: when others may write to one of the caches.
    """
    gathered = _Gathered()
    for place in places:
        gathered.add_environment(place)
    gathered.add_cached(caches)
    return Candidates([group for group in gathered.groups() if len(group.files) > 1], gathered.small)


class _Gathered:
    """Files by their content where RECORD tells it, else by size; those of different filesystems apart."""

    def __init__(self) -> None:
        self._dist_infos: set[str] = set()
        self.small: dict[Path, int] = {}
        self._by_content: dict[tuple[str, Content], list[Candidate]] = defaultdict(list)
        self._by_size: dict[tuple[str, int], list[Candidate]] = defaultdict(list)
        self._filesystems = _Filesystems()

    def add_environment(self, place: Place) -> None:
        """Add all files of an environment."""
        distributions = distributions_of(place)
        self._dist_infos.update(distribution.path.name for distribution in distributions)
        listed = {path: content for distribution in distributions for path, content in listed_in(distribution)}
        self.small[place.root] = 0
        for file in files_below(str(place.root)):
            if file.size <= SMALL:
                self.small[place.root] += 1
            else:
                self._add(Candidate(file.path, file.size, file.identity, place.root), listed.get(file.path))

    def add_cached(self, caches: Sequence[Path]) -> None:
        """Put each file of the caches before those that could be the same."""
        for content, file in cached_files(caches, self._dist_infos).items():
            self._put_first(file, self._by_content, content)
        for file in cached_bytecode(caches, self._dist_infos):
            self._put_first(file, self._by_size, file.size)

    def groups(self) -> Iterator[Group]:
        """Yield what was gathered."""
        for files in self._by_content.values():
            yield Group(files, listed=True)
        for files in self._by_size.values():
            yield Group(files, listed=False)

    def _add(self, file: Candidate, content: Content | None) -> None:
        filesystem = self._filesystems.of(file.path, file.identity[0])
        if content and content[1] == file.size:
            self._by_content[filesystem, content].append(file)
        else:
            self._by_size[filesystem, file.size].append(file)

    def _put_first(self, file: CachedFile, groups: dict[tuple[str, _Key], list[Candidate]], key: _Key) -> None:
        if not any((filesystem, key) in groups for filesystem in self._filesystems.seen):
            return
        with suppress(OSError):
            status = os.lstat(file.path)
            group = groups.get((self._filesystems.of(file.path, status.st_dev), key))
            if group:
                group.insert(0, Candidate(file.path, status.st_size, (status.st_dev, status.st_ino), None))


class _Filesystems:
    """Names filesystems, which have several device numbers if they are made of subvolumes."""

    def __init__(self) -> None:
        self._mounts = mounts()
        self._names: dict[int, str] = {}

    @property
    def seen(self) -> set[str]:
        """The names that were given."""
        return set(self._names.values())

    def of(self, path: str, device: int) -> str:
        """Return the name of the filesystem that holds a file with this device number."""
        if device not in self._names:
            mount = mount_of(path, self._mounts)
            self._names[device] = mount.filesystem if mount else str(device)
        return self._names[device]
