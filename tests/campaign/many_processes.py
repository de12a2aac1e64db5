"""Many processes at once: with a cold cache, into one environment, and beside somebody who deletes the cache."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from benchmarks.loop_mounts import loop_mount
from tests.campaign.checks import bad_entries, installed, layer_of, not_whole
from tests.campaign.setting import Setting, environ, remove, versions
from tests.campaign.tally import Tally
from tests.campaign.wheels import write_lock
from tests.support.wheels import make_wheel

PART = "many processes"
_FILES = 60


def run(number: int, seed: int) -> Iterator[Tally]:
    """Start ``number`` processes with a cold cache, and a quarter of that for the other two."""
    rng = random.Random(seed)
    with loop_mount("btrfs", 2048) as btrfs, loop_mount("ext4", 2048) as ext4:
        for place, mode in ((btrfs, "clone"), (ext4, "layer")):
            at = Setting(place, _FILES)
            yield _cold(at, mode, number)
            yield _into_one(at, mode, max(2, number // 4))
            yield _beside_deleter(at, mode, max(2, number // 4), rng)


def _cold(at: Setting, mode: str, number: int) -> Tally:
    tally = Tally(PART, f"cold cache, {mode}")
    remove(at.cache)
    places = [at.directory / f"env{each}" for each in range(number)]
    commands = [_making(at, mode, place) for place in places]
    for place, (code, said) in zip(places, _all(commands), strict=True):
        tally.tried(hit=True)
        _judge(tally, place, code, said, versions("1.0"))
        remove(place)
    tally.problem("bad entry served", bad_entries(at.cache))
    return tally


def _into_one(at: Setting, mode: str, number: int) -> Tally:
    tally = Tally(PART, f"into one environment, {mode}")
    at.reset()
    wheels = [
        make_wheel(
            at.directory, {f"single{each}/__init__.py": b"", f"single{each}/data": b"x" * 9000}, name=f"single{each}"
        )
        for each in range(number)
    ]
    locks = [
        write_lock(wheel.with_suffix(".toml").with_name(f"pylock.{wheel.name[:8]}.toml"), [wheel]) for wheel in wheels
    ]
    for code, said in _all([at.command("install", mode, "--lock", lock) for lock in locks]):
        tally.tried(hit=True)
        tally.problem("traceback", [said] if "Traceback" in said else [])
        tally.problem("next run not whole", [said] if code else [])
    found = installed(at.environment)
    missing = {f"single{each}": "1.0" for each in range(number)}.items() - found.items()
    tally.problem("lost", [*map(str, missing), *not_whole(at.environment, hashes=True)])
    return tally


def _beside_deleter(at: Setting, mode: str, number: int, rng: random.Random) -> Tally:
    tally = Tally(PART, f"beside a deleter of the cache, {mode}")
    ended = threading.Event()

    def delete() -> None:
        while not ended.wait(rng.uniform(0.1, 0.8)):
            shutil.rmtree(at.cache, ignore_errors=True)

    deleter = threading.Thread(target=delete)
    deleter.start()
    try:
        for first in range(0, number, 4):
            places = [at.directory / f"env{each}" for each in range(first, min(first + 4, number))]
            for place, (code, said) in zip(places, _all([_making(at, mode, place) for place in places]), strict=True):
                tally.tried(hit=True)
                # what is layered needs the cache that was deleted
                if code or layer_of(place) is None:
                    _judge(tally, place, code, said, versions("1.0"))
                remove(place)
    finally:
        ended.set()
        deleter.join()
    remove(at.cache)
    place = at.directory / "env-last"
    ((code, said),) = _all([_making(at, mode, place)])
    _judge(tally, place, code, said, versions("1.0"))
    remove(place)
    return tally


def _judge(tally: Tally, place: Path, code: int, said: str, expected: dict[str, str]) -> None:
    tally.problem("traceback", [said] if "Traceback" in said else [])
    wrong = [f"exit status {code}: {said.strip()[-300:]}"] if code else list(not_whole(place, hashes=True))
    if not code and installed(place) != expected:
        wrong.append(f"it holds {installed(place)}")
    tally.problem("next run not whole", wrong)


def _making(at: Setting, mode: str, place: Path) -> list[str]:
    return at.command("venv", mode, "--without-pip", "--with-requirements", at.locks["1.0"], place)


def _all(commands: list[list[str]]) -> list[tuple[int, str]]:
    """Run commands at the same time; return how each ended and what it said."""
    started = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environ())
        for command in commands
    ]
    told = [process.communicate()[1] for process in started]
    return [(process.returncode, said) for process, said in zip(started, told, strict=True)]
