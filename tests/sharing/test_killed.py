"""Deduplication that is ended at a random moment: every file is as it was, and the next run completes it."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ONCE
from tests.sharing.test_dedupe import DUPLICATES, LARGE, are_shared, install, state
from tests.support.comparison import site_packages
from tests.support.kills import SIGNALS, TRIES, USERS, Ended, give_to_nobody
from tests.support.wheels import make_wheel

pytestmark = ONCE
COPIES = ("one", "two", "three", "four")


@pytest.fixture
def original(tmp_path: Path, place: Path, user: list[str]) -> Path:
    """An environment with many files that can be shared, out of the way of those that are shared."""
    many = {f"sample/part_{number}.bin": LARGE[number : number + 9_000] for number in range(300)}
    wheel = make_wheel(tmp_path, {**many, **dict.fromkeys(DUPLICATES, LARGE)})
    (place / "shared").mkdir()
    install(wheel, place / "original")
    if user:
        give_to_nobody(place)
    return place / "original"


@SIGNALS
@USERS
@pytest.mark.parametrize("place", ["btrfs", "xfs"], indirect=True)
def test_killed_at_any_moment_it_leaves_every_file_as_it_was(
    place: Path, original: Path, user: list[str], number: signal.Signals
) -> None:
    shared = place / "shared"

    def make_copies() -> None:
        for name in COPIES:
            subprocess.run(["rm", "-rf", shared / name], check=True)
            subprocess.run(["cp", "-a", "--reflink=never", original, shared / name], check=True)

    deduplicating = Ended(user, number, "dedupe", "--quiet", "--wheel-cache", place / "cache", shared)
    seconds = deduplicating.seconds(make_copies)
    for _ in range(TRIES):
        make_copies()
        before = state(shared)
        deduplicating.run_for(seconds)
        assert state(shared) == before
        deduplicating.run()
        assert state(shared) == before
        assert all(are_shared(*(site_packages(shared / each) / name for each in COPIES)) for name in DUPLICATES)
    print(f"ended early {deduplicating.times} times of {TRIES}")
