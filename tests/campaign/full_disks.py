"""Commands on a filesystem that is full or fails while they run; and again when it has recovered."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.loop_mounts import MAKERS, loop_mount
from tests.campaign.checks import changes, tree_of
from tests.campaign.setting import Done, Setting, remove, versions
from tests.campaign.tally import Tally

PART = "full disks"
_FILES = 250
_MEBIBYTES = 700


class Way(NamedTuple):
    """What runs out or fails, where, and for what: a cold cache, a warm one, or an upgrade."""

    what: str
    filesystem: str
    mode: str
    state: str


WAYS = tuple(
    Way(*row.split(", "))
    for row in (
        "no space, tmpfs, copy, cold",
        "no space, tmpfs, copy, upgrade",
        "no inodes, tmpfs, layer, no layer",
        "no space, ext4, copy, warm",
        "no space, xfs, copy, upgrade",
        "no space, xfs, clone, cold",
        "no inodes, tmpfs, copy, warm",
        "no inodes, tmpfs, hardlink, upgrade",
        "no inodes, tmpfs, copy, cold",
        "read-only, ext4, copy, upgrade",
        "read-only, ext4, hardlink, warm",
        "shut down, xfs, clone, upgrade",
    )
)


def run(number: int, seed: int) -> Iterator[Tally]:
    """Try ``number`` times, at points spread over what the commands need."""
    rng = random.Random(seed)
    for index, way in enumerate(WAYS):
        rounds = number // len(WAYS) + (index < number % len(WAYS))
        if rounds:
            with _Disk.of(way.filesystem) as disk:
                yield _tally_of(way, disk, rounds, rng)


class _Disk:
    """A filesystem that can be made to fail, and to work again."""

    def __init__(self, filesystem: str, place: Path, image: Path | None) -> None:
        self.place = place
        self._filesystem = filesystem
        self._image = image

    @classmethod
    @contextmanager
    def of(cls, filesystem: str) -> Iterator[_Disk]:
        if filesystem == "tmpfs":
            with loop_mount(filesystem, _MEBIBYTES) as place:
                yield cls(filesystem, place, None)
            return
        with loop_mount("tmpfs", _MEBIBYTES + 100) as outer:
            image, place = outer / "image", outer / "mnt"
            place.mkdir()
            with image.open("wb") as stream:
                stream.truncate(_MEBIBYTES << 20)
            subprocess.run([*MAKERS[filesystem], str(image)], check=True, capture_output=True)
            subprocess.run(["mount", "-o", "loop", image, place], check=True)
            try:
                yield cls(filesystem, place, image)
            finally:
                subprocess.run(["umount", place], check=True)

    def used(self) -> tuple[int, int]:
        """Return the bytes and the inodes in use."""
        subprocess.run(["sync", "-f", self.place], check=True)
        status = os.statvfs(self.place)
        return (status.f_blocks - status.f_bfree) * status.f_frsize, status.f_files - status.f_ffree

    def leave_bytes(self, number: int) -> None:
        used, _ = self.used()
        if self._filesystem == "tmpfs":
            self._remount(f"size={used + number}")
            return
        status = os.statvfs(self.place)
        # root has the reserved blocks too
        free = (status.f_bavail if self._filesystem == "btrfs" else status.f_bfree) * status.f_frsize
        with (self.place / "filler").open("wb") as stream:
            place = 0
            for step in (16 << 20, 1 << 20, 1 << 16):
                with suppress(OSError):
                    while place + step <= free - number:
                        os.posix_fallocate(stream.fileno(), place, step)
                        place += step

    def leave_inodes(self, number: int) -> None:
        _, used = self.used()
        self._remount(f"nr_inodes={used + number}")

    def fail(self, what: str) -> None:
        if what == "read-only":
            self._remount("abort")
        else:
            subprocess.run(["xfs_io", "-x", "-c", "shutdown -f", self.place], check=False, capture_output=True)

    def recover(self, what: str) -> None:
        if what in {"read-only", "shut down"}:
            subprocess.run(["umount", self.place], check=True)
            subprocess.run(["mount", "-o", "loop", self._image, self.place], check=True)
        elif self._filesystem == "tmpfs":
            self._remount(f"size={_MEBIBYTES}m,nr_inodes=200000")
        else:
            (self.place / "filler").unlink(missing_ok=True)

    def _remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.place], check=True, capture_output=True)


def _tally_of(way: Way, disk: _Disk, rounds: int, rng: random.Random) -> Tally:
    tally = Tally(PART, f"{way.what}, {way.filesystem}, {way.mode}, {way.state}")
    at = Setting(disk.place, _FILES)
    version = "2.0" if way.state == "upgrade" else "1.0"
    command = at.command("install", way.mode, "--lock", at.locks[version])
    _prepare(way, at)
    before, started = disk.used(), time.monotonic()
    assert not at.run(command).code
    seconds, after = time.monotonic() - started, disk.used()
    for number in range(rounds):
        _prepare(way, at)
        part = (number + rng.random()) / rounds
        tree = tree_of(at.environment)
        if way.what in {"read-only", "shut down"}:
            done = _run_and_fail(way, command, disk, seconds * part)
        else:
            if way.what == "no space":
                disk.leave_bytes(int(max(after[0] - before[0], 20_000) * part))
            else:
                disk.leave_inodes(int((after[1] - before[1]) * part))
            done = at.run(command)
            found = changes(tree, tree_of(at.environment)) if done.code else []
            tally.problem("lost", [f"not as before: {', '.join(found[:3])}"] if found else [])
        tally.tried(hit=bool(done.code))
        tally.problem("traceback", [done.said] if "Traceback" in done.said else [])
        disk.recover(way.what)
        at.run_again(command, versions(version), tally)
    return tally


def _prepare(way: Way, at: Setting) -> None:
    at.reset()
    if way.state == "cold":
        remove(at.cache)
    elif way.state == "no layer":
        for layers in at.cache.glob("v*/layers"):
            remove(layers)
    elif way.state == "upgrade":
        done = at.run(at.command("install", way.mode, "--lock", at.locks["1.0"]))
        assert not done.code, done.said
    elif not at.cache.exists():
        assert not at.run(at.command("install", way.mode, "--lock", at.locks["1.0"])).code
        at.reset()
    # what was there before is written out
    subprocess.run(["sync", "-f", at.directory], check=True)


def _run_and_fail(way: Way, command: list[str], disk: _Disk, moment: float) -> Done:
    # output goes elsewhere, as this filesystem is about to fail
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(moment)
    disk.fail(way.what)
    said, _ = process.communicate(timeout=120)
    return Done(process.returncode, said)
