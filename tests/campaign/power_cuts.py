"""The same command after a power cut: images of a filesystem that were taken while it ran, or just after it succeeded.

The image of the filesystem is itself a file on an XFS, where a clone of it is what its device held at one moment: all
that had been written out, and nothing of what was still in memory.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.loop_mounts import MAKERS, loop_mount
from tests.campaign.checks import not_whole
from tests.campaign.setting import Setting, versions
from tests.campaign.tally import Tally

PART = "power cuts"
_FILES = 300
_COMMIT = {
    # metadata without the data of files: creating a subvolume commits it, shutting down flushes the log
    "btrfs": ("btrfs", "subvolume", "create", "committed"),
    "xfs": ("xfs_io", "-x", "-c", "shutdown -f", "."),
    "ext4": ("xfs_io", "-x", "-c", "shutdown -f", "."),
}


class Way(NamedTuple):
    """A filesystem, a link mode and what is installed: into an empty environment, or over another version."""

    filesystem: str
    mode: str
    upgrade: bool = False


WAYS = (
    Way("btrfs", "clone"),
    Way("btrfs", "snapshot"),
    Way("btrfs", "copy"),
    Way("btrfs", "clone", upgrade=True),
    Way("xfs", "clone"),
    Way("xfs", "copy", upgrade=True),
    Way("ext4", "copy"),
    Way("ext4", "layer"),
    Way("ext4", "copy", upgrade=True),
    Way("ext4", "hardlink"),
)


def run(number: int, seed: int) -> Iterator[Tally]:
    """Use about ``number`` images: of each way two from just after the command, the others from while it ran."""
    rng = random.Random(seed)
    each = max(3, number // len(WAYS))
    with loop_mount("xfs", 8192) as outer:
        for way in WAYS:
            yield from _tallies(way, outer, each, rng)


def _tallies(way: Way, outer: Path, number: int, rng: random.Random) -> Iterator[Tally]:
    what = f"{'upgrade' if way.upgrade else 'install'}, {way.mode}, {way.filesystem}"
    image, place = outer / "image", outer / "mnt"
    place.mkdir(exist_ok=True)
    with image.open("wb") as stream:
        stream.truncate(1 << 30)
    subprocess.run([*MAKERS[way.filesystem], str(image)], check=True, capture_output=True)
    with _mounted(image, place):
        at = Setting(place, _FILES)
        command = at.command("install", way.mode, "--lock", at.locks["2.0" if way.upgrade else "1.0"])
        _begin(way, at, command)
        started = time.monotonic()
        assert not at.run(command).code
        seconds = time.monotonic() - started
        _begin(way, at, None)
        moments = sorted(rng.uniform(0.3, 1.0) * seconds for _ in range(number - 2))
        images = list(_images(way, at, command, image, moments))
    during, after = Tally(PART, f"{what}, while it ran"), Tally(PART, f"{what}, just after")
    for taken, is_after in images:
        tally = after if is_after else during
        with _mounted(taken, place):
            _use(at, command, "2.0" if way.upgrade else "1.0", tally)
        taken.unlink()
    yield from (during, after)


def _begin(way: Way, at: Setting, command: list[str] | None) -> None:
    """Make what is there before the command, all of it written out, with the cache warm."""
    if command:
        at.reset()
        assert not at.run(command).code
    at.reset()
    if way.upgrade:
        assert not at.run(at.command("install", way.mode, "--lock", at.locks["1.0"])).code
    subprocess.run(["sync", "-f", at.directory], check=True)


def _images(
    way: Way, at: Setting, command: list[str], image: Path, moments: list[float]
) -> Iterator[tuple[Path, bool]]:
    """Yield images, and whether the command had ended when they were taken."""
    started = time.monotonic()
    process = at.start(command, image.with_name("output"))
    for number, moment in enumerate(moments):
        time.sleep(max(0.0, started + moment - time.monotonic()))
        ended = process.poll() is not None
        yield _taken(image, f"during-{number}"), ended
    assert process.wait() == 0, image.with_name("output").read_text()
    yield _taken(image, "after"), True
    subprocess.run(_COMMIT[way.filesystem], cwd=at.directory, check=True, capture_output=True)
    yield _taken(image, "committed"), True


def _taken(image: Path, name: str) -> Path:
    taken = image.with_name(name)
    subprocess.run(["cp", "--reflink=always", image, taken], check=True)
    return taken


def _use(at: Setting, command: list[str], version: str, tally: Tally) -> None:
    damaged = bool(list(not_whole(at.environment)))
    tally.tried(hit=True)
    tally.counts["damaged by the cut"] += damaged
    at.run_again(command, versions(version), tally)


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)
