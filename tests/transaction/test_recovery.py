"""What is left of a killed installation: taken back or completed, whatever was put there since."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.campaign.checks import changes, not_whole, tree_of
from tests.conftest import ONCE, Install, python_of
from tests.support.comparison import packages, site_packages
from tests.support.wheels import full_wheel, make_wheel
from virtualenv_reflink.environment.discovery import find_target
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.transaction.journal import Journal
from virtualenv_reflink.transaction.transaction import exclusive

pytestmark = ONCE
# a process of ours that is killed when one of its functions is called for the nth time
KILLED = """
import importlib, os, signal, sys
where, name, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
holder = importlib.import_module(where)
for part in name.split(".")[:-1]:
    holder = getattr(holder, part)
function, calls = getattr(holder, name.split(".")[-1]), []
def call(*words, **options):
    calls.append(1)
    if len(calls) == times:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*words, **options)
setattr(holder, name.split(".")[-1], call)
from virtualenv_reflink.cli import main

sys.exit(main(sys.argv[4:]))
"""
REFLINK = [sys.executable, "-m", "virtualenv_reflink"]
TRANSACTION = "virtualenv_reflink.transaction."
POINTS = [
    (TRANSACTION + "install", "_Installation._batches", 1),
    (TRANSACTION + "install", "write_file", 1),
    (TRANSACTION + "install", "write_file", 3),
    (TRANSACTION + "transaction", "Journal.write_done", 1),
]
AFTER_DONE = [(TRANSACTION + "transaction", "complete", 1), (TRANSACTION + "steps", "_publish", 1)]


@contextmanager
def killed(where: str, name: str, times: int, environment: Path, cache: Path, *words: object) -> Iterator[None]:
    options = ["install", "--wheel-cache", cache, "-p", environment, "--no-index", "--link-mode", "copy", *words]
    command = [sys.executable, "-c", KILLED, where, name, str(times), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    yield


def wheels(directory: Path) -> tuple[Path, Path]:
    """Return a wheel and a later version of it, with other files."""
    files = {"sample/__init__.py": b"", "sample/later.py": b"later = 1\n", "sample/data.txt": b"other" * 100}
    return full_wheel(directory), make_wheel(directory, files, version="2.0")


def pip(environment: Path, *words: object) -> str:
    command = [sys.executable, "-m", "pip", "--python", python_of(environment), *words]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("point", POINTS)
def test_what_pip_installs_after_a_kill_stays(
    tmp_path: Path, environment: Path, cache: Path, install: Install, point: tuple[str, str, int]
) -> None:
    old, new = wheels(tmp_path)
    other = make_wheel(tmp_path, {"other.py": b""}, name="other")
    # a new installation, and one that replaces what is there
    for before, during, meanwhile in (([], old, old), ([old], new, new), ([old], new, old)):
        if before:
            install("--no-index", *before, "--link-mode", "copy")
        with killed(*point, environment, cache, during):
            assert packages(environment) == {}
            pip(environment, "install", "-q", "--no-index", meanwhile)
            install("--no-index", other)
        assert packages(environment) == {"sample": meanwhile.name.split("-")[1], "other": "1.0"}
        assert list(not_whole(environment, hashes=True)) == []
        pip(environment, "check")
        assert not list(environment.rglob(".virtualenv-reflink*"))
        pip(environment, "uninstall", "-qy", "sample", "other")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("replacing", [False, True])
def test_a_killed_installation_is_taken_back_by_a_dry_run(
    tmp_path: Path, environment: Path, cache: Path, install: Install, point: tuple[str, str, int], replacing: bool
) -> None:
    old, new = wheels(tmp_path)
    if replacing:
        install("--no-index", old)
    before = tree_of(environment)
    mine = site_packages(environment) / "sample" / "mine.txt"
    with killed(*point, environment, cache, new):
        mine.parent.mkdir(exist_ok=True)
        mine.write_text("mine")
        assert "Would install" in install("--no-index", "--dry-run", new).stdout
    assert mine.read_text() == "mine"
    mine.unlink()
    if not replacing:
        mine.parent.rmdir()
    assert changes(before, tree_of(environment)) == []


@pytest.mark.parametrize("point", AFTER_DONE)
def test_an_installation_killed_at_its_end_is_completed(
    tmp_path: Path, environment: Path, cache: Path, install: Install, point: tuple[str, str, int]
) -> None:
    old, new = wheels(tmp_path)
    install("--no-index", old)
    with killed(*point, environment, cache, new):
        install("--no-index", "--dry-run", old)
    assert packages(environment) == {"sample": "2.0"}
    assert list(not_whole(environment, hashes=True)) == []
    assert not list(environment.rglob("*virtualenv-reflink*"))


def test_a_journal_is_not_trusted_to_lead_out_of_the_environment(
    tmp_path: Path, environment: Path, cache: Path, install: Install
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("x")
    old, new = wheels(tmp_path)
    install("--no-index", old)
    with killed(TRANSACTION + "install", "write_file", 1, environment, cache, new):
        library = site_packages(environment)
        shutil.rmtree(library / "sample")
        library_link = library / "sample"
        os.symlink(outside, library_link)
        for name in ("later.py", "data.txt"):
            (outside / name).write_text("x")
        before = tree_of(outside)
        told = install("--no-index", new, code=1).stderr
    assert told.count("\n") == 1
    assert "leads out of the environment" in told
    assert tree_of(outside) == before


def test_a_damaged_journal_is_told_in_one_sentence(
    tmp_path: Path, environment: Path, cache: Path, install: Install
) -> None:
    old, new = wheels(tmp_path)
    install("--no-index", old)
    with killed(TRANSACTION + "install", "write_file", 1, environment, cache, new):
        first = min(Path(Journal(str(environment)).path).iterdir())
        first.unlink()
        first.symlink_to("damaged")
        told = install("--no-index", new, code=1).stderr
    assert told.count("\n") == 1
    assert "it is damaged; remove it by hand" in told


@pytest.mark.parametrize("name", [".virtualenv-reflink-aside", ".virtualenv-reflink-new"])
@pytest.mark.parametrize("where", ["", "lib/site-packages"])
def test_a_planted_link_takes_no_file_outside(
    tmp_path: Path, environment: Path, install: Install, name: str, where: str
) -> None:
    outside = tmp_path / "outside"
    (outside / "sample-1.0.dist-info").mkdir(parents=True)
    (outside / "keep").write_text("x")
    (outside / "0").write_text("x")
    before = tree_of(outside)
    wheel = full_wheel(tmp_path)
    for link in (True, False):
        install("--no-index", wheel)
        place = (site_packages(environment) if where else environment) / name
        if link:
            place.symlink_to(outside)
        else:
            place.mkdir()
            (place / "sample-1.0.dist-info").symlink_to(outside)
        install("--no-index", "--force-reinstall", wheel)
        assert tree_of(outside) == before
        assert list(not_whole(environment, hashes=True)) == []
        if os.path.lexists(place):
            place.unlink() if link else shutil.rmtree(place)


@pytest.mark.parametrize("what", ["sample-1.0.dist-info", "sample", "sample/__pycache__", "bin", "lib"])
def test_links_that_lead_outside_are_refused_and_those_that_stay_inside_are_followed(
    tmp_path: Path, environment: Path, install: Install, what: str
) -> None:
    wheel = full_wheel(tmp_path)
    for kind in ("inside", "outside"):
        shutil.rmtree(environment)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        install("--no-index", wheel)
        place = environment / what if what in {"bin", "lib"} else site_packages(environment) / what
        elsewhere = (environment if kind == "inside" else tmp_path) / "elsewhere"
        shutil.copytree(place, elsewhere, symlinks=True)
        (elsewhere / "mine.txt").write_text("mine")
        shutil.rmtree(place)
        place.symlink_to(elsewhere)
        before = tree_of(elsewhere)
        done = subprocess.run(
            [*REFLINK, "install", "-p", environment, "--wheel-cache", tmp_path / "cache", "--no-index", wheel],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        if kind == "outside":
            assert changes(before, tree_of(elsewhere)) == []
            shutil.rmtree(elsewhere)
        else:
            assert done.returncode == 0, done.stderr
            assert list(not_whole(environment, hashes=True)) == []


def test_a_library_that_cannot_be_read_is_told_in_one_sentence(
    environment: Path,
) -> None:
    target = find_target(str(environment)).environment
    with pytest.raises(InstallError, match="Input/output error"), exclusive(target, print):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(target.purelib))
