"""Give back what environments that exist already hold twice, whoever made them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.errors import SharingError, TargetError
from virtualenv_reflink.filesystem.deduplication import can_share_data
from virtualenv_reflink.filesystem.flush import flush_filesystem
from virtualenv_reflink.filesystem.mounts import mount_of, mounts
from virtualenv_reflink.filesystem.probe import filesystem_name
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.provision.settings import default_wheel_cache
from virtualenv_reflink.sharing.candidates import Group, candidates_in
from virtualenv_reflink.sharing.environments import MARK, Place, find_environments
from virtualenv_reflink.sharing.groups import Handled, share_group
from virtualenv_reflink.sharing.known import known_places
from virtualenv_reflink.sharing.settlement import Settlement
from virtualenv_reflink.sharing.tally import Counting, Tally

FILESYSTEMS = "btrfs, XFS, bcachefs"
"""Where the kernel can have files share their data that were written apart."""
_GROUPS_A_TASK = 100


class Deduped(NamedTuple):
    """What became of each environment, by its root; the ``incapable`` ones are on filesystems that cannot share.

    ``freed`` is how much less the filesystems have in use than before, in bytes, whoever did it.
    """

    environments: dict[Path, Tally]
    incapable: dict[Path, str]
    freed: int


def dedupe(
    paths: Iterable[str | os.PathLike[str]],
    *,
    known: bool = False,
    dry_run: bool = False,
    again: bool = False,
    wheel_cache: str | os.PathLike[str] | None = None,
    base_caches: Iterable[str | os.PathLike[str]] = (),
    progress: Progress | None = None,
) -> Deduped:
    """Let the files of all environments below ``paths`` that hold the same bytes share them on disk.

    The kernel compares before it shares, so that no content can change, and modes and times stay as they are.
    ``wheel_cache`` is the user's own unless given, ``base_caches`` are only read; ``progress`` hears of what is done.

    With ``known``, the places where tools keep environments are looked through too. Environments to which nothing was
    added since they were done are not looked at, unless this is to be done ``again``. In a dry run nothing is changed,
    and files count as equal that have the same hash in RECORD, or begin alike.

    :raises TargetError: when a path cannot be looked through, or no environment is found.
    :raises SharingError: when no environment is on a filesystem with reflinks.
    :raises CacheError: when others may write to one of the caches.
    """
    progress = progress or Progress()
    places = _found([*map(Path, paths), *(known_places(os.environ) if known else ())], progress)
    incapable = {place.root: reason for place in places if (reason := _why_not(place))}
    capable = [place for place in places if place.root not in incapable]
    if not capable:
        raise SharingError(_nothing_can_be_shared(incapable))
    caches = [Path(wheel_cache) if wheel_cache else default_wheel_cache(), *map(Path, base_caches)]
    with progress.stage("Looking for changes"):
        settlement = Settlement(caches, [place.root for place in capable])
        if not again and (settled := settlement.read()):
            return Deduped({root: _all_shared(tally) for root, tally in settled.items()}, incapable, 0)
    before = _used_bytes(capable)
    tallies = _tallies(capable, caches, progress, dry_run=dry_run)
    if dry_run:
        return Deduped(tallies, incapable, 0)
    settlement.write(tallies)
    return Deduped(tallies, incapable, before - _used_bytes(capable))


def _tallies(
    places: Sequence[Place], caches: Sequence[Path], progress: Progress, *, dry_run: bool
) -> dict[Path, Tally]:
    with progress.stage("Pairing files"):
        candidates = candidates_in(places, caches)
    counting = {root: Counting(small) for root, small in candidates.small.items()}
    for handled in _share_all(candidates.groups, progress, dry_run=dry_run):
        if handled.file.place:
            counting[handled.file.place].add(handled)
    return {root: counted.tally() for root, counted in counting.items()}


def _all_shared(tally: Tally) -> Tally:
    """Return what there is to tell of an environment in which nothing was added since it was left with ``tally``."""
    return Tally(0, 0, tally.already + tally.shared, tally.passed_over)


def _found(paths: Sequence[Path], progress: Progress) -> list[Place]:
    with progress.stage("Looking for environments"):
        places = find_environments(paths)
    if not places:
        where = ", ".join(map(str, paths)) or "the places where tools keep them"
        raise TargetError(f"there is no environment in {where}: none of the directories has a {MARK}")
    return places


def _why_not(place: Place) -> str | None:
    """Return why nothing in an environment can be shared, or None."""
    try:
        capable = can_share_data(str(place.root / MARK))
    except OSError as error:
        return f"{place.root / MARK} cannot be read: {error.strerror}"
    return None if capable else f"{filesystem_name(str(place.root))} has no reflinks"


def _nothing_can_be_shared(incapable: dict[Path, str]) -> str:
    reasons = ", ".join(dict.fromkeys(incapable.values()))
    return (
        f"nothing can be shared: {reasons}; what would help is to have the environments on a filesystem with reflinks "
        f"({FILESYSTEMS}), or to make them with --link-mode layer or hardlink"
    )


def _share_all(groups: Sequence[Group], progress: Progress, *, dry_run: bool) -> Iterator[Handled]:
    tasks = [groups[start : start + _GROUPS_A_TASK] for start in range(0, len(groups), _GROUPS_A_TASK)]
    number = sum(len(group.files) for group in groups)
    with progress.stage("Sharing", number), ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda task: _share_some(task, dry_run=dry_run), tasks)
        try:
            for task, handled in zip(tasks, results, strict=True):
                progress.step("", sum(len(group.files) for group in task))
                yield from handled
        finally:
            pool.shutdown(cancel_futures=True)


def _share_some(groups: Sequence[Group], *, dry_run: bool) -> list[Handled]:
    return [handled for group in groups for handled in share_group(group, dry_run=dry_run)]


def _used_bytes(places: Sequence[Place]) -> int:
    """Return what the filesystems of environments have in use, in bytes, all that is pending written out."""
    mounted = mounts()
    roots = {mount.filesystem: place.root for place in places if (mount := mount_of(str(place.root), mounted))}
    used = 0
    for root in roots.values():
        flush_filesystem(root)
        status = os.statvfs(root)
        used += (status.f_blocks - status.f_bfree) * status.f_frsize
    return used
