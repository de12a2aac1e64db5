"""The benchmarks themselves: a tiny run, what is missing, and an interrupted run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import require_mounts
from tests.provision.test_ordinary_user import AS_NOBODY
from tests.support.tools import default_signals

pytestmark = pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the benchmarks are for Python 3.13")

ROOT = Path(__file__).parent.parent
TINY = [sys.executable, "-m", "benchmarks", "--rounds", "1", "--only", "seeds", "--filesystem", "btrfs"]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where a run makes its mounts and files, with nothing in it yet, and for everybody."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    directory.chmod(0o777)
    return directory


def environ(scratch: Path) -> dict[str, str]:
    # neither uv nor what else is installed beside the interpreter
    return {**os.environ, "TMPDIR": str(scratch), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def nothing_left(scratch: Path) -> bool:
    return not list(scratch.iterdir()) and str(scratch) not in Path("/proc/self/mounts").read_text()


def test_a_tiny_run_has_figures_and_says_what_it_leaves_out(scratch: Path, tmp_path: Path) -> None:
    require_mounts("btrfs")
    command = [*TINY, "--json", tmp_path / "run.json"]
    done = subprocess.run(command, cwd=ROOT, env=environ(scratch), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "run.json").read_text())
    times = report["timings"]["seeds"]["btrfs"]
    assert {"virtualenv --no-seed", "virtualenv", "virtualenv --seeder reflink, snapshot"} <= set(times)
    assert all(len(cost["wall"]) == len(cost["cpu"]) == 1 and cost["cpu"][0] > 0 for cost in times.values())
    assert report["machine"]["kernel"] == os.uname().release
    assert report["left_out"][0] == "peers: uv: uv is not installed; pip install uv"
    assert "left out: peers: uv" in done.stdout
    assert nothing_left(scratch)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_mount_and_no_file(scratch: Path, number: signal.Signals) -> None:
    require_mounts("btrfs")

    with subprocess.Popen(
        TINY, cwd=ROOT, env=environ(scratch), stdout=subprocess.PIPE, text=True, preexec_fn=default_signals
    ) as run:
        deadline = time.monotonic() + 30
        while not list(scratch.glob("btrfs-*/mnt/env")) and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        run.send_signal(number)
        told, _ = run.communicate(timeout=30)
    assert run.returncode == 130, told
    assert "interrupted: what was mounted is unmounted" in told
    assert nothing_left(scratch)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can become another user")
def test_without_root_it_says_so(scratch: Path) -> None:
    done = subprocess.run(
        [*AS_NOBODY, *TINY], cwd=ROOT, env=environ(scratch), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "left out: btrfs: only root can mount" in done.stdout
    assert "nothing could be measured" in done.stdout
    assert nothing_left(scratch)
