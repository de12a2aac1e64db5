"""What the filesystems of the cache and of a directory can do together, found out by trying it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.errors import TargetError
from virtualenv_reflink.filesystem.mounts import Mount, mount_of
from virtualenv_reflink.filesystem.probe import why_not_clone, why_not_link, why_not_snapshot
from virtualenv_reflink.filesystem.temporary import temporary_name
from virtualenv_reflink.layers.choice import why_not_unasked
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.provision.link_modes import DEFAULT, link_modes

_TAG = "CACHEDIR.TAG"


class Spot(NamedTuple):
    """A directory that may not exist yet, the name of its filesystem, and where that is mounted."""

    path: Path
    filesystem: str
    mount_point: str


class Trials(NamedTuple):
    """What was tried between a cache and a directory.

    ``refused`` has why each of clone, hardlink and snapshot is impossible, or None where it works. ``auto`` is what the
    default link mode comes to, ``auto_for_many`` what it comes to for many files. ``advice`` says what would have to
    change for a better one, a sentence each.
    """

    cache: Spot
    directory: Spot
    refused: dict[str, str | None]
    auto: Outcome
    auto_for_many: Outcome
    advice: list[str]


def trials_between(wheel_cache: Path, directory: Path) -> Trials:
    """Try a clone, a hard link and a snapshot from a cache to a directory; nothing stays of it.

    What does not exist yet is tried in the directory above.

    :raises TargetError: when nothing can be written to one of them.
    """
    source, target = _existing(wheel_cache), _existing(directory)
    cache, place = _spot(wheel_cache, source), _spot(directory, target)
    with _explained(), _file_in(source) as file:
        refused = {
            "clone": why_not_clone(file, str(target)),
            "hardlink": why_not_link(file, str(target)),
            "snapshot": why_not_snapshot(str(source), str(target)),
        }
        auto = _auto(file, str(target))
        for_many = _auto_for_many(target, auto, refused)
        advice = list(_advice(cache, place, refused, for_many))
    return Trials(cache, place, refused, auto, for_many, advice)


def _auto(file: str, target: str) -> Outcome:
    placer = Placer(link_modes(DEFAULT).files)
    placer.files.between(file, target)
    return placer.outcome


def _auto_for_many(target: Path, auto: Outcome, refused: dict[str, str | None]) -> Outcome:
    name = link_modes(DEFAULT).for_many
    if name is None or refused[name] is not None:
        return auto
    reason = why_not_unasked(target)
    return Outcome(name) if reason is None else auto._replace(reasons=(reason, *auto.reasons))


def _advice(cache: Spot, place: Spot, refused: dict[str, str | None], for_many: Outcome) -> Iterator[str]:
    if refused["clone"] is None:
        if refused["snapshot"] is None and for_many.mode != "snapshot":
            yield "--link-mode snapshot takes constant time, for those who ask for it"
        return
    if _can_clone(place):
        yield f"keep the wheel cache on the filesystem of the directory, below {place.mount_point}: --wheel-cache"
    elif _can_clone(cache):
        yield f"make environments on the filesystem of the wheel cache, below {cache.mount_point}"
    else:
        yield f"use a filesystem with reflinks: {Clone.where}"
    shared = "layer or hardlink" if refused["hardlink"] is None else "layer"
    yield f"where read-only files that environments share will do: --link-mode {shared}"


def _can_clone(spot: Spot) -> bool:
    """Return whether files of one directory can be cloned into it."""
    directory = _existing(spot.path)
    with suppress(OSError), _new_file_in(directory) as file:
        return why_not_clone(file, str(directory)) is None
    return False


def _spot(path: Path, existing: Path) -> Spot:
    mount = mount_of(str(existing)) or Mount("/", "an unknown filesystem", "")
    return Spot(path, mount.kind, mount.point)


def _existing(path: Path) -> Path:
    absolute = path.absolute()
    return next(parent for parent in (absolute, *absolute.parents) if parent.is_dir())


@contextmanager
def _file_in(directory: Path) -> Iterator[str]:
    """Have a file to be cloned and linked: one that every cache has, else a new one."""
    tag = directory / _TAG
    if os.access(tag, os.R_OK):
        yield str(tag)
    else:
        with _new_file_in(directory) as file:
            yield file


@contextmanager
def _new_file_in(directory: Path) -> Iterator[str]:
    path = os.path.join(directory, temporary_name())
    with open(path, "xb") as stream:
        stream.write(bytes(4096))
    try:
        yield path
    finally:
        os.unlink(path)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TargetError(
            f"nothing can be tried in {error.filename}: {error.strerror}; name a directory that you may write to"
        ) from error
