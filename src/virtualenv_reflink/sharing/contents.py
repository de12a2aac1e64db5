"""Which files of an environment are no longer what their RECORD says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from virtualenv_reflink.cache.cached_files import CachedFile, Content
from virtualenv_reflink.cache.record_hash import hash_of_file
from virtualenv_reflink.filesystem.extents import Extents, extents_of_all, is_same_data
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.sharing.environments import FoundFile


class Promised(NamedTuple):
    """A file, where it lies on disk if that is known, and the content that RECORD lists for it."""

    file: FoundFile
    extents: Extents | None
    content: Content


def changed_files(promised: Sequence[Promised], cached: dict[Content, CachedFile], progress: Progress) -> list[str]:
    """Return the paths of the files that have another content than was promised.

    A file whose data are those of the cached file is unchanged without being read; what is left is hashed. One that
    cannot be read is not judged.
    """
    resized = [each.file.path for each in promised if each.file.size != each.content[1]]
    to_hash = _without_cached_data([each for each in promised if each.file.size == each.content[1]], cached)
    with progress.stage("Hashing what the cache does not vouch for", len(to_hash)), ThreadPoolExecutor() as pool:
        hashed = list(pool.map(lambda each: _is_other(each, progress), to_hash))
    return sorted([*resized, *(each.file.path for each, other in zip(to_hash, hashed, strict=True) if other)])


def _without_cached_data(promised: Sequence[Promised], cached: dict[Content, CachedFile]) -> list[Promised]:
    pairs = [(each, cached[each.content].path) for each in promised if each.content in cached and _is_shared(each)]
    maps = extents_of_all([path for _, path in pairs])
    same = {
        each.file.path
        for (each, _), theirs in zip(pairs, maps, strict=True)
        if each.extents and theirs and is_same_data(each.extents, theirs)
    }
    return [each for each in promised if each.file.path not in same and not _is_cached(each, cached)]


def _is_shared(each: Promised) -> bool:
    # the data of a hard link would be compared with themselves
    return each.file.links == 1 and bool(each.extents) and all(extent.shared for extent in each.extents or ())


def _is_cached(each: Promised, cached: dict[Content, CachedFile]) -> bool:
    """Return whether a file is the cached one itself, as it was made, or is empty."""
    if each.file.size == 0:
        return True
    if each.file.links == 1 or each.content not in cached:
        return False
    counterpart = cached[each.content]
    with suppress(OSError):
        status = os.stat(counterpart.path)
        return (status.st_dev, status.st_ino) == each.file.identity and status.st_mtime_ns == counterpart.mtime_ns
    return False


def _is_other(each: Promised, progress: Progress) -> bool:
    progress.step(each.file.path)
    algorithm, _, _ = each.content[0].partition("=")
    with suppress(OSError, ValueError):
        return hash_of_file(each.file.path, algorithm) != each.content[0]
    return False
