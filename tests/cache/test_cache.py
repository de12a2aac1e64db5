"""The wheel cache under many processes, sudden death and hostile places."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run, python_of, tree_digest
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.cache.layout import VERSION
from virtualenv_reflink.cache.wheel_cache import WheelCache


def start(*args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "virtualenv", "--seeder", "reflink", "--no-periodic-update", *map(str, args)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def sources(environment: Path) -> dict[str, tuple[int, str]]:
    """The files of pip; of bytecode only the name and mode, as it holds the time at which its cache was filled."""
    found = tree_digest(site_packages(environment) / "pip")
    return {path: (mode, "" if path.endswith(".pyc") else digest) for path, (mode, digest) in found.items()}


@ONCE
def test_twenty_processes_unpack_each_wheel_once(tmp_path: Path, wheelhouse: Path) -> None:
    cache = tmp_path / "cache"
    # a wheel file that needs no other, so that twenty resolvers do not take most of the time
    (setuptools,) = wheelhouse.glob("setuptools-*.whl")
    options = ["-vv", "--wheel-cache", cache, "--with", setuptools]
    running = [start(*options, tmp_path / f"env-{number}") for number in range(20)]
    # pipes that are read in turn fill up, and their writers may hold a lock that the one being read waits for
    with ThreadPoolExecutor(len(running)) as pool:
        outputs = [output for output, _ in pool.map(subprocess.Popen.communicate, running)]
    assert [process.returncode for process in running] == [0] * 20, outputs
    said = "\n".join(outputs)
    for wheel in ("pip", "setuptools"):
        assert said.count(f"unpack {wheel}-") == said.count(f"compile {wheel}-") == 1
    trees = [
        {
            path: fact
            for path, fact in tree_digest(site_packages(tmp_path / f"env-{number}")).items()
            if "RECORD" not in path
        }
        for number in range(20)
    ]
    assert len(trees[0]) > 900
    assert all(tree == trees[0] for tree in trees)
    assert list((cache / VERSION / "staging").iterdir()) == []


@ONCE
def test_a_kill_at_any_moment_leaves_no_half_entry(tmp_path: Path, virtualenv: Run) -> None:
    cache, environment = tmp_path / "cache", tmp_path / "env"
    virtualenv("--wheel-cache", tmp_path / "whole", tmp_path / "reference")
    reference = sources(tmp_path / "reference")
    begin = time.monotonic()
    virtualenv("--wheel-cache", tmp_path / "timed", tmp_path / "timed-env")
    duration = time.monotonic() - begin
    moments = random.Random(20)
    for _ in range(6):
        process = start("--wheel-cache", cache, environment)
        time.sleep(moments.uniform(0.15, 1.0) * duration)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        virtualenv("--wheel-cache", cache, environment)
        assert sources(environment) == reference
        subprocess.run([python_of(environment), "-m", "pip", "check"], check=True, capture_output=True)
        # half of the rounds begin with a cold cache, the others with the one this left
        if moments.random() < 0.5:
            subprocess.run(["rm", "-rf", cache], check=True)
    assert not list(cache.glob("v*/staging/*"))


def test_what_a_killed_process_staged_is_cleared_by_the_next(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    cache = WheelCache(tmp_path / "cache")
    key = cache.unpacked(wheel).key
    abandoned = tmp_path / "cache" / VERSION / "staging" / f"{key}.unpacked.dead"
    abandoned.mkdir()
    (abandoned / "half").write_text("half")
    subprocess.run(["rm", "-rf", tmp_path / "cache" / VERSION / "wheels"], check=True)
    cache.unpacked(wheel)
    assert not abandoned.exists()


def test_a_wheel_that_changed_is_unpacked_anew(tmp_path: Path) -> None:
    cache = WheelCache(tmp_path / "cache")
    first = cache.unpacked(make_wheel(tmp_path, {"sample.py": b"a = 1\n"}))
    second = cache.unpacked(make_wheel(tmp_path, {"sample.py": b"a = 2\n"}))
    assert first.key != second.key
    assert Path(second.tree.root, "purelib", "sample.py").read_bytes() == b"a = 2\n"


def test_the_root_carries_a_cache_directory_tag(tmp_path: Path) -> None:
    WheelCache(tmp_path / "cache").unpacked(make_wheel(tmp_path, {"sample.py": b""}))
    assert (tmp_path / "cache" / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o400])
def test_cached_files_are_read_only_and_the_root_is_nobody_elses(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        cache = WheelCache(tmp_path / "cache")
        unpacked = cache.unpacked(make_wheel(tmp_path, {"sample.py": b""}))
    finally:
        os.umask(before)
    assert Path(unpacked.tree.root, "purelib", "sample.py").stat().st_mode & 0o622 == 0o400
    assert not (tmp_path / "cache").stat().st_mode & 0o022
    WheelCache(tmp_path / "cache")


def test_the_default_place_is_the_users_cache_directory(tmp_path: Path, virtualenv: Run) -> None:
    environ = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "xdg")}
    virtualenv("--no-download", tmp_path / "env", env=environ)
    assert (tmp_path / "xdg" / "virtualenv-reflink" / VERSION / "wheels").is_dir()
