"""Files that a cleaner, a disk or a hand took out of the cache: the wheel is unpacked again in the same run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run, python_of
from tests.support.index import Index, write_lock
from tests.support.wheels import make_wheel

MODES = ["clone", "copy", "hardlink", "layer", "snapshot"]


def truncated(file: Path) -> None:
    file.chmod(0o644)
    os.truncate(file, 1)


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("damage", [os.unlink, truncated, directory, pipe], ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_never_served(
    tmp_path: Path, place: Path, mode: str, damage: Callable[[Path], object], reflink: Run
) -> None:
    wheels = [make_wheel(tmp_path, {f"{name}.py": b"print('whole')"}, name=name) for name in ("one", "two")]
    venv = ["venv", "--wheel-cache", place / "cache", "--without-pip", "--link-mode"]
    words = [word for wheel in wheels for word in ("--with", wheel)]
    reflink(*venv, "copy", *words, place / "first")
    cached = [*place.glob("cache/*/wheels/*/unpacked/tree/purelib/*.py")]
    cached += place.glob("cache/*/wheels/*/bytecode-*/tree/purelib/__pycache__/two.*.pyc")
    assert len(cached) == 3
    for file in cached:
        damage(file)
    reflink(*venv, mode, *words, place / "second")
    for name in ("one", "two"):
        assert subprocess.check_output([python_of(place / "second"), "-m", name], text=True) == "whole\n"


@pytest.mark.parametrize("mode", ["layer", "copy"])
def test_a_description_that_is_damaged_counts_as_absent(tmp_path: Path, mode: str, reflink: Run) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b"print('whole')"})
    venv = ["venv", "--wheel-cache", tmp_path / "cache", "--without-pip", "--link-mode", mode, "--with", wheel]
    reflink(*venv, tmp_path / "first")
    for path in [*tmp_path.glob("cache/*/*/*/*.json"), *tmp_path.glob("cache/*/*/*/*/*.json")]:
        path.chmod(0o644)
        path.write_text("{")
    reflink(*venv, tmp_path / "second")
    assert subprocess.check_output([python_of(tmp_path / "second"), "-m", "sample"], text=True) == "whole\n"


@pytest.mark.parametrize(
    ("place", "mode"),
    [("tmpfs", "copy"), ("tmpfs", "hardlink"), ("tmpfs", "layer"), ("btrfs", "clone"), ("btrfs", "snapshot")],
    indirect=["place"],
)
@pytest.mark.parametrize("locked", [False, True], ids=["named", "locked"])
def test_environments_are_made_beside_somebody_who_deletes_the_cache_all_the_time(
    place: Path, index: Index, mode: str, locked: bool, reflink: Run
) -> None:
    wheel = make_wheel(index.directory, {f"package/module{number}.py": b"" for number in range(300)})
    # the wheel of a lock is not unpacked before the packages are placed, or a layer is built of them
    write_lock(place / "pylock.toml", index.file_url(wheel.name), index.directory)
    what = ["--with-requirements", place / "pylock.toml"] if locked else ["--with", wheel]
    cache = place / "cache"
    venv = ["venv", "--wheel-cache", cache, "--without-pip", "--link-mode", mode, *what]
    deleter = subprocess.Popen(["sh", "-c", f"while :; do rm -rf {cache}; done"], stderr=subprocess.DEVNULL)
    try:
        done = reflink(*venv, place / "env")
    finally:
        deleter.kill()
        deleter.wait()
    assert f"the wheel cache {cache} is deleted again and again, so a temporary one beside it is used" in done.stderr
    assert len(list((place / "env").glob("lib/*/site-packages/package/*.py"))) == 300
    assert [path for path in place.glob("cache*") if path != cache] == []


BACKEND = """\
import pathlib, shutil
def get_requires_for_build_wheel(config_settings=None):
    (layer,) = pathlib.Path({cache!r}).glob("*/layers/pip-*")
    if pathlib.Path({mark!r}).exists():
        return []
    pathlib.Path({mark!r}).touch()
    for path in [layer, *layer.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(layer)
    return ["pip-has-to-run-itself"]
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return shutil.copy({wheel!r}, wheel_directory).rpartition("/")[2]
"""


def test_pip_is_run_again_where_it_is_deleted_while_it_runs(tmp_path: Path, reflink: Run) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b"print('whole')"})
    cache, mark, project = tmp_path / "cache", tmp_path / "mark", tmp_path / "project"
    project.mkdir()
    (project / "backend.py").write_text(BACKEND.format(cache=str(cache), mark=str(mark), wheel=str(wheel)))
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]'
    )
    reflink("venv", "--wheel-cache", cache, "--without-pip", "--with", project, tmp_path / "env")
    assert mark.exists()
    assert subprocess.check_output([python_of(tmp_path / "env"), "-m", "sample"], text=True) == "whole\n"
