"""A fork that is ended at a random moment: the source is as it was, and no half of a fork looks whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run
from tests.forking.checks import facts, naming, prefix, stale_bytecode, untrue_rows
from tests.support.tools import default_interrupt
from tests.support.wheels import make_wheel

pytestmark = ONCE
TRIES = int(os.environ.get("TRIES", "5"))
"""For each filesystem and signal; fifty and more are for when something of it was changed."""


@pytest.fixture
def source(tmp_path: Path, place: Path, reflink: Run) -> Path:
    """An environment with as many files as a second process helps with."""
    files = {f"sample/part_{number // 100}/module_{number}.py": b"value = 1\n" * 50 for number in range(1500)}
    wheel = make_wheel(tmp_path, files, entry_points="[console_scripts]\nsample = sample:main\n")
    reflink("venv", "--without-pip", "--wheel-cache", tmp_path / "cache", "--with", wheel, place / "env")
    return place / "env"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("place", ["btrfs", "xfs"], indirect=True)
def test_no_half_of_a_fork_is_left_looking_whole(place: Path, source: Path, number: signal.Signals) -> None:
    before, fork = facts(source), place / "fork"
    command = [sys.executable, "-m", "virtualenv_reflink", "fork", "--quiet", source, fork]
    began = time.monotonic()
    subprocess.run(command, check=True)
    seconds = time.monotonic() - began
    chosen = random.Random(number)
    for _ in range(TRIES):
        subprocess.run(["rm", "-rf", fork], check=True)
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=default_interrupt)
        time.sleep(chosen.uniform(0, seconds))
        process.send_signal(number)
        process.wait()
        environments = {path.parent for path in place.glob("[!.]*/pyvenv.cfg")} - {source}
        assert environments <= {fork}
        if number != signal.SIGKILL or fork in environments:
            assert sorted(os.listdir(place)) == sorted(["env", *(["fork"] if environments else [])])
        assert facts(source) == before
        if not environments:
            subprocess.run(command, check=True)
        assert sorted(os.listdir(place)) == ["env", "fork"]
        assert facts(fork) == before
    assert prefix(fork) == fork
    assert naming(fork, source) == []
    assert untrue_rows(fork) == []
    assert stale_bytecode(fork) == []
