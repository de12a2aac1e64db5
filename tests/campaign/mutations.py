"""Wheels and locks with random damage: refused in a sentence, or installed whole."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks.loop_mounts import loop_mount
from tests.campaign.checks import bad_entries, changes, not_whole, tree_of, unlisted
from tests.campaign.setting import Setting
from tests.campaign.tally import Tally
from tests.campaign.wheels import write_lock
from tests.support.wheels import full_wheel

PART = "mutations"
# the specification of pylock.toml asks for it where a lock is of a newer minor version
_WARNING = re.compile(r"^pylock minor version \S+ is not supported\n", re.MULTILINE)


def run(number: int, seed: int) -> Iterator[Tally]:
    """Install ``number`` damaged wheels and locks, half of them each."""
    rng = random.Random(seed)
    with loop_mount("btrfs", 1024) as mount:
        at = Setting(mount, 10)
        (mount / "good").mkdir()
        good = full_wheel(mount / "good")
        lock = write_lock(mount / "pylock.good.toml", [good])
        at.reset()
        for what, damaged in (("wheels", _damaged_wheel), ("locks", _damaged_lock)):
            tally = Tally(PART, what)
            for _ in range(number // 2):
                _try(at, lock, damaged(mount, good, rng), tally)
            yield tally


def _try(at: Setting, good: Path, damaged: Path, tally: Tally) -> None:
    at.reset()
    before, outside = tree_of(at.environment), _outside(at)
    done = at.run(at.command("install", "clone", "--lock", damaged))
    tally.tried(hit=bool(done.code))
    tally.problem("traceback", [done.said] if "Traceback" in done.said else [])
    tally.problem("written outside", changes(outside, _outside(at)))
    if done.code:
        tally.problem("lost", changes(before, tree_of(at.environment)))
        tally.problem("lost", [done.said] if _WARNING.sub("", done.said).count("\n") != 1 else [])
    else:
        tally.problem("lost", [*not_whole(at.environment, hashes=True), *unlisted(at.environment, set(before))])
    tally.problem("bad entry served", bad_entries(at.cache))
    at.reset()
    again = at.run(at.command("install", "clone", "--lock", good))
    tally.problem("next run not whole", [again.said] if again.code else not_whole(at.environment, hashes=True))


def _outside(at: Setting) -> dict[str, tuple[object, ...]]:
    """Return all that is beside the environment and the cache."""
    own = (at.environment.name, at.cache.name)
    found = tree_of(at.directory)
    return {path: facts for path, facts in found.items() if path.partition("/")[0] not in own}


def _damaged_wheel(directory: Path, good: Path, rng: random.Random) -> Path:
    """Return a lock of a damaged wheel, with the hash that this wheel has."""
    place = directory / "damaged"
    place.mkdir(exist_ok=True)
    wheel = place / good.name
    wheel.write_bytes(_damaged(good.read_bytes(), rng))
    return write_lock(place / "pylock.toml", [wheel])


def _damaged_lock(directory: Path, good: Path, rng: random.Random) -> Path:
    text = write_lock(directory / "good" / "pylock.toml", [good]).read_bytes()
    lock = directory / "good" / "pylock.damaged.toml"
    lock.write_bytes(_damaged(text, rng))
    return lock


def _damaged(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 4)):
        start = rng.randrange(len(changed))
        end = min(len(changed), start + rng.choice([1, 1, 2, 8, 40]))
        kind = rng.choice(["flip", "delete", "repeat", "cut", "noise"])
        if kind == "flip":
            changed[start] ^= 1 << rng.randrange(8)
        elif kind == "delete":
            del changed[start:end]
        elif kind == "repeat":
            changed[start:start] = changed[start:end]
        elif kind == "cut":
            del changed[max(start, len(changed) // 2) :]
        else:
            changed[start:end] = rng.randbytes(end - start)
        if not changed:
            return b""
    return bytes(changed)
