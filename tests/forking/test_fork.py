"""A fork is a complete, separate environment, whatever the filesystem and whoever made the source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import virtualenv_reflink
from tests.conftest import Run, python_of
from tests.forking.checks import facts, naming, prefix, run, stale_bytecode, untrue_rows
from tests.support.comparison import site_packages
from tests.support.extents import extents
from tests.support.wheels import full_wheel
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.filesystem.subvolume import is_subvolume
from virtualenv_reflink.layers.users import living_users

PLACES = pytest.mark.parametrize(
    ("place", "via"), [("btrfs", "clone"), ("xfs", "clone"), ("ext4", "copy: ext4 has no reflinks")], indirect=["place"]
)
ON_BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)


def made_by_pip(directory: Path, wheel: Path) -> Path:
    """An environment that nothing of ours has touched, with pip in it and a wheel with files for every scheme."""
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    install = ["-m", "pip", "install", "-q", "--no-index", "--disable-pip-version-check", wheel]
    subprocess.run([python_of(directory), *install], check=True)
    return directory


def check(fork: Path, source: Path) -> None:
    """What holds of every fork of an environment with the wheel."""
    assert prefix(fork) == fork
    assert facts(fork) == facts(source)
    assert naming(fork, source) == []
    assert untrue_rows(fork) == []
    assert stale_bytecode(fork) == []
    for script in ("sample", "sample-script"):
        assert run(fork, script) == "sample runs\n"
        assert str(fork) in (fork / "bin" / script).read_text()


@PLACES
def test_a_fork_is_complete_and_separate(tmp_path: Path, place: Path, via: str, reflink: Run) -> None:
    source = made_by_pip(place / "env", full_wheel(tmp_path))
    before = facts(source)
    done = reflink("fork", source, place / "fork", "--outcome", place / "outcome")
    fork = place / "fork"
    assert f" via {via}\n" in done.stdout
    assert json.loads((place / "outcome").read_text())[0]["environment"] == str(fork)
    check(fork, source)

    data = "sample/data.txt"
    if "clone" in via:
        assert all(extent.shared for extent in extents(site_packages(fork) / data))
    (site_packages(fork) / data).write_text("changed in the fork")
    assert (site_packages(source) / data).read_bytes() == b"data" * 3000
    (site_packages(source) / "sample" / "__init__.py").write_text("changed = 'in the source'\n")
    assert run(fork, "sample") == "sample runs\n"

    pip = ["-m", "pip", "--disable-pip-version-check", "--no-input"]
    for words in (["check"], ["install", "-q", "--no-index", "--force-reinstall", full_wheel(tmp_path)]):
        subprocess.run([python_of(fork), *pip, *words], check=True, capture_output=True)
    subprocess.run([python_of(fork), *pip, "uninstall", "-q", "-y", "sample"], check=True)
    assert not list(fork.rglob("sample*"))
    changed = str((site_packages(source) / "sample" / "__init__.py").relative_to(source))
    assert {**facts(source), changed: None} == {**before, changed: None}


@ON_BTRFS
def test_a_subvolume_becomes_a_snapshot(tmp_path: Path, place: Path, reflink: Run) -> None:
    wheel, source, fork = full_wheel(tmp_path), place / "env", place / "fork"
    options = ["--wheel-cache", place / "cache", "--link-mode", "snapshot", "--with", wheel]
    reflink("venv", "--without-pip", *options, source)
    assert " via snapshot\n" in reflink("fork", source, fork).stdout
    assert is_subvolume(str(site_packages(fork)))
    check(fork, source)
    (site_packages(fork) / "sample" / "data.txt").write_text("changed")
    assert (site_packages(source) / "sample" / "data.txt").read_bytes() == b"data" * 3000


@ON_BTRFS
def test_a_subvolume_becomes_copies_on_another_filesystem(
    tmp_path: Path, place: Path, tmpfs: Path, reflink: Run
) -> None:
    source, fork = place / "env", tmpfs / tmp_path.name / "fork"
    options = ["--wheel-cache", place / "cache", "--link-mode", "snapshot", "--with", full_wheel(tmp_path)]
    reflink("venv", "--without-pip", *options, source)
    done = reflink("fork", source, fork)
    assert " via copy: the environment is on another filesystem\n" in done.stdout
    check(fork, source)


@ON_BTRFS
@pytest.mark.parametrize("mode", ["hardlink", "layer"])
def test_an_environment_that_shares_its_files(tmp_path: Path, place: Path, mode: str, reflink: Run) -> None:
    """Files that the source shares with the cache are the fork's own; a layer is the fork's too, and known to be."""
    cache, source, fork = place / "cache", place / "env", place / "fork"
    options = ["--wheel-cache", cache, "--link-mode", mode, "--with", full_wheel(tmp_path)]
    reflink("venv", "--without-pip", *options, source)
    reflink("fork", source, fork)
    assert run(fork, "sample") == "sample runs\n"
    assert naming(fork, source) == []
    assert {path.stat().st_nlink for path in fork.rglob("*") if path.is_file() and not path.is_symlink()} == {1}
    if mode == "layer":
        (layer,) = (path.parent.name for path in cache.glob("v*/layers/*/tree"))
        assert living_users(WheelCache(cache)) == {layer: [source, fork]}


@pytest.mark.parametrize("core", ["native", "python"])
def test_the_modes_of_files_and_directories_are_kept_whatever_the_umask(
    tmp_path: Path, environment: Path, core: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUALENV_REFLINK_CORE", core)
    library = site_packages(environment)
    (library / "closed").mkdir()
    for name, mode in (("closed/all", 0o777), ("private", 0o600), ("closed/readable", 0o444), ("set", 0o2755)):
        (library / name).write_text(name)
        (library / name).chmod(mode)
    (library / "closed").chmod(0o2575)
    for umask in (0o077, 0o022):
        fork = tmp_path / f"fork-{umask}"
        previous = os.umask(umask)
        try:
            virtualenv_reflink.fork(environment, fork)
        finally:
            os.umask(previous)
        assert facts(fork) == facts(environment)
        assert (site_packages(fork) / "closed").stat().st_mode & 0o7777 == 0o2575


def test_what_a_program_gets_of_a_fork(tmp_path: Path, environment: Path) -> None:
    os.mkfifo(environment / "fifo")
    made = virtualenv_reflink.fork(environment, tmp_path / "fork")
    assert made.environment == tmp_path / "fork"
    assert {"pyvenv.cfg", "bin/activate"} <= set(made.repointed)
    assert made.outcome.warnings == (f"{environment / 'fifo'} is neither file, directory nor link, and was not copied",)
    assert made.written > 0
    assert made.seconds > 0


def test_asking_for_the_package_imports_nothing_of_a_fork() -> None:
    code = "import sys, virtualenv_reflink; print(sorted(name for name in sys.modules if 'virtualenv_reflink' in name))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "['virtualenv_reflink']\n"
