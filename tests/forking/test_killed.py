"""A fork that is ended at a random moment: the source is as it was, and no half of a fork looks whole."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run
from tests.forking.checks import facts, naming, prefix, stale_bytecode, untrue_rows
from tests.support.kills import SIGNALS, TRIES, USERS, Ended, give_to_nobody
from tests.support.wheels import make_wheel

pytestmark = ONCE


@pytest.fixture
def source(tmp_path: Path, place: Path, reflink: Run) -> Path:
    """An environment of an ordinary user with as many files as a second process helps with."""
    files = {f"sample/part_{number // 100}/module_{number}.py": b"value = 1\n" * 50 for number in range(1500)}
    wheel = make_wheel(tmp_path, files, entry_points="[console_scripts]\nsample = sample:main\n")
    reflink("venv", "--without-pip", "--wheel-cache", tmp_path / "cache", "--with", wheel, place / "env")
    give_to_nobody(place)
    return place / "env"


@SIGNALS
@USERS
@pytest.mark.parametrize("place", ["btrfs", "xfs"], indirect=True)
def test_no_half_of_a_fork_is_left_looking_whole(
    place: Path, source: Path, user: list[str], number: signal.Signals
) -> None:
    before, fork = facts(source), place / "fork"

    def delete() -> None:
        subprocess.run(["rm", "-rf", fork], check=True)

    forking = Ended(user, number, "fork", "--quiet", source, fork)
    seconds = forking.seconds(delete)
    for _ in range(TRIES):
        delete()
        forking.run_for(seconds)
        environments = {path.parent for path in place.glob("[!.]*/pyvenv.cfg")} - {source}
        assert environments <= {fork}
        if number != signal.SIGKILL or fork in environments:
            assert sorted(os.listdir(place)) == sorted(["env", *(["fork"] if environments else [])])
        assert facts(source) == before
        if not environments:
            forking.run()
        assert sorted(os.listdir(place)) == ["env", "fork"]
        assert facts(fork) == before
    print(f"ended early {forking.times} times of {TRIES}")
    assert prefix(fork) == fork
    assert naming(fork, source) == []
    assert untrue_rows(fork) == []
    assert stale_bytecode(fork) == []
