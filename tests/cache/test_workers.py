"""Worker processes fill the cache as one process would, and however it ends, nothing half-done is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.loop_mounts import loop_mount
from tests.conftest import ONCE, Run, require_mounts, tree_digest
from tests.support.comparison import packages
from tests.support.tools import default_signals
from tests.support.wheels import make_wheel
from virtualenv_reflink.cache.layout import VERSION

pytestmark = ONCE

NUMBER = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels that are large enough to be worth a worker."""
    directory, numbers = tmp_path_factory.mktemp("folder"), random.Random(5)
    for number in range(NUMBER):
        name = f"part{number}"
        files = {f"{name}/module{count}.py": f"value = {count}\n".encode() * 20 for count in range(300)}
        make_wheel(directory, {**files, f"{name}/data": numbers.randbytes(1 << 20)}, name=name)
    return directory


def words(folder: Path, cache: Path, env: Path) -> list[str]:
    return ["venv", "--without-pip", "--wheel-cache", str(cache), *given(folder), str(env)]


def given(folder: Path) -> list[str]:
    return [word for wheel in sorted(folder.glob("*.whl")) for word in ("--with", str(wheel))]


def await_none(found: Callable[[], Sequence[object]]) -> None:
    """Wait until nothing is found any more, for a minute at most."""
    end = time.monotonic() + 60
    while remaining := found():
        assert time.monotonic() < end, remaining
        time.sleep(0.05)


def left(cache: Path) -> list[Path]:
    """Return what is staged, and entries without what describes them."""
    entries = [entry for entry in cache.glob("v*/wheels/*/*") if not (entry / "manifest.json").is_file()]
    return [*cache.glob("v*/staging/*"), *entries]


def workers_of(cache: Path) -> list[int]:
    """Return the processes that work for a cache."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = place.read_bytes()
        except OSError:
            continue
        if b"worker import main" in text and str(cache).encode() in text:
            found.append(int(place.parent.name))
    return found


def test_workers_make_what_one_process_makes(folder: Path, tmp_path: Path, reflink: Run) -> None:
    reflink(*words(folder, tmp_path / "cache", tmp_path / "env"))
    for wheel in sorted(folder.glob("*.whl")):
        one = ["venv", "--without-pip", "--wheel-cache", tmp_path / "other", "--with", wheel, tmp_path / "one"]
        reflink(*one, "--clear")
    ours, theirs = (
        {key: value for key, value in tree_digest(place / VERSION / "wheels").items() if "manifest" not in key}
        for place in (tmp_path / "cache", tmp_path / "other")
    )
    assert len(packages(tmp_path / "env")) == NUMBER
    assert sum(name.endswith(".pyc") for name in ours) == NUMBER * 300
    # bytecode tells the mtime of its source, which is that of unpacking
    assert {name: mode for name, (mode, _) in ours.items()} == {name: mode for name, (mode, _) in theirs.items()}
    sources = [name for name in ours if not name.endswith(".pyc")]
    assert [ours[name] for name in sources] == [theirs[name] for name in sources]
    assert not left(tmp_path / "cache")


def test_a_damaged_wheel_among_others_is_told_as_if_it_were_alone(folder: Path, tmp_path: Path, reflink: Run) -> None:
    for wheel in folder.glob("*.whl"):
        (tmp_path / wheel.name).write_bytes(wheel.read_bytes())
    damaged = tmp_path / "part3-1.0-py3-none-any.whl"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(content)
    together = reflink(*words(tmp_path, tmp_path / "cache", tmp_path / "env"), code=1)
    alone = reflink("venv", "--wheel-cache", tmp_path / "other", "--with", damaged, tmp_path / "env2", code=1)
    assert damaged.name in together.stderr
    assert together.stderr == alone.stderr
    assert not list((tmp_path / "env").glob("lib/*/site-packages/part*"))
    assert not left(tmp_path / "cache")
    assert not workers_of(tmp_path / "cache")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_that_started_them(
    number: signal.Signals, folder: Path, tmp_path: Path, reflink: Run
) -> None:
    cache = tmp_path / "cache"
    command = [sys.executable, "-m", "virtualenv_reflink", *words(folder, cache, tmp_path / "env")]
    own: dict[str, Any] = {"start_new_session": True, "preexec_fn": default_signals}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **own) as process:
        while not workers_of(cache) or not list(cache.glob("v*/staging/*")):
            assert process.poll() is None
            time.sleep(0.01)
        # a terminal sends Ctrl-C to all of them
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        _, errors = process.communicate()
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert "Traceback" not in errors
    await_none(lambda: workers_of(cache))
    assert not left(cache)
    reflink(*words(folder, cache, tmp_path / "env"))
    assert len(packages(tmp_path / "env")) == NUMBER


def test_a_worker_whose_signal_was_lost_ends_too(tmp_path: Path) -> None:
    lose = "import signal; signal.pthread_kill = lambda *_: None"
    work = f"from virtualenv_reflink.cache.worker import main; main([{str(tmp_path / 'cache')!r}], None, 1)"
    subprocess.run([sys.executable, "-c", f"{lose}; {work}"], input=b"", timeout=20, check=True)


def test_a_worker_that_is_killed_is_done_without(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = [sys.executable, "-m", "virtualenv_reflink", *words(folder, cache, tmp_path / "env")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (workers := workers_of(cache)):
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(workers[0], signal.SIGKILL)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert len(packages(tmp_path / "env")) == NUMBER
    assert not left(cache)


def test_a_full_disk_in_a_worker_is_told_in_the_same_sentence(folder: Path, tmp_path: Path, reflink: Run) -> None:
    require_mounts("tmpfs")
    with loop_mount("tmpfs", 8) as place:
        said = reflink(*words(folder, place / "cache", tmp_path / "env"), code=1).stderr
        assert f"the wheel cache {place / 'cache'} cannot be written: No space left on device" in said
        assert "free some space" in said
        assert len(said.splitlines()) == 1
        await_none(lambda: [*workers_of(place / "cache"), *left(place / "cache")])
    assert not list((tmp_path / "env").glob("lib/*/site-packages/part*"))
