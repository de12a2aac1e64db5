"""Environments that pip made share what they hold twice, and nothing in them changes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import virtualenv_reflink
from benchmarks.loop_mounts import used_bytes
from tests.conftest import Run, bare, python_of
from tests.provision.test_ordinary_user import AS_NOBODY, NOBODY
from tests.support.comparison import site_packages
from tests.support.extents import shares_all_extents
from tests.support.wheels import make_wheel
from virtualenv_reflink.filesystem.extents import disk_bytes, extents
from virtualenv_reflink.sharing.environments import find_environments
from virtualenv_reflink.sharing.known import known_places

SHARING = pytest.mark.parametrize("place", ["btrfs", "xfs"], indirect=True)
LARGE = random.Random(1).randbytes(3 << 20)
SMALL = b"x" * 300
FILES = {"sample/large.bin": LARGE, "sample/uneven.bin": LARGE[:70_001], "sample/__init__.py": SMALL}
DUPLICATES = ("sample/large.bin", "sample/uneven.bin")

MakeByPip = Callable[[str], Path]


def install(wheel: Path, environment: Path) -> Path:
    """Make an environment as pip does."""
    bare(environment)
    pip = [sys.executable, "-m", "pip", "--python", python_of(environment), "install", "--quiet", "--no-index"]
    subprocess.run([*pip, wheel], check=True)
    return environment


@pytest.fixture
def by_pip(place: Path, tmp_path: Path) -> MakeByPip:
    """Make environments as pip does, with a wheel of large and small files; all but the first are full copies."""
    made: list[Path] = []

    def make(name: str) -> Path:
        if made:
            subprocess.run(["cp", "-a", "--reflink=never", made[0], place / name], check=True)
        else:
            made.append(install(make_wheel(tmp_path, FILES), place / name))
        return place / name

    return make


def state(root: Path) -> dict[str, tuple[object, ...]]:
    """Return what must not change of each file: content, mode, owner, mtime."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path)] = (content, status.st_mode, status.st_uid, status.st_mtime_ns)
    return found


def are_shared(*files: Path) -> bool:
    first, *others = files
    return all(shares_all_extents(other, first) for other in others)


@SHARING
def test_duplicates_are_given_back_and_nothing_else_changes(place: Path, tmp_path: Path, reflink: Run) -> None:
    wheel = make_wheel(tmp_path, FILES)
    environments = [install(wheel, place / name) for name in ("one", ".tox/two", "three")]
    before, used = state(place), used_bytes(place)
    told = json.loads(reflink("dedupe", "--json", "--wheel-cache", tmp_path / "cache", place).stdout)
    for duplicate in DUPLICATES:
        assert are_shared(*(site_packages(environment) / duplicate for environment in environments))
    assert state(place) == before
    duplicated = 2 * sum(len(FILES[name]) for name in DUPLICATES)
    assert used - used_bytes(place) >= 0.95 * duplicated
    assert told["freed"] >= 0.95 * duplicated
    given_back = [row["given_back"] for row in told["environments"]]
    assert sorted(given_back)[0] == 0, "one of them keeps its data"
    assert duplicated <= sum(given_back) < 1.05 * duplicated


@SHARING
def test_files_get_the_data_of_the_cache(place: Path, tmp_path: Path, by_pip: MakeByPip, reflink: Run) -> None:
    cache = ["--wheel-cache", place / "cache"]
    reflink("venv", *cache, "--without-pip", "--with", make_wheel(tmp_path, FILES), place / "ours")
    reflink("dedupe", *cache, by_pip("theirs"))
    (cached,) = (place / "cache").glob("v*/wheels/*/unpacked/tree/*/sample/large.bin")
    reflink("dedupe", "--wheel-cache", place / "own", "--base-cache", place / "cache", by_pip("others"))
    found = (site_packages(place / name) / "sample/large.bin" for name in ("ours", "theirs", "others"))
    assert are_shared(cached, *found)


@SHARING
def test_a_second_run_has_nothing_to_do(tmp_path: Path, by_pip: MakeByPip, reflink: Run) -> None:
    one, two = by_pip("one"), by_pip("two")

    def dedupe(*options: str) -> list[tuple[int, int]]:
        # what was made just now could change again within the same tick of the clock
        time.sleep(0.05)
        told = json.loads(reflink("dedupe", "--json", "--wheel-cache", tmp_path / "cache", *options, one, two).stdout)
        return [(row["shared"], row["already"]) for row in told["environments"]]

    first = dedupe()
    shared = sum(row[0] for row in first)
    assert shared >= len(DUPLICATES)
    assert dedupe() == dedupe("--again") == [(0, sum(row)) for row in first]
    # a copy, as an editor would write it, is no longer shared
    copy = site_packages(two) / "sample/large.bin"
    copy.unlink()
    copy.write_bytes(LARGE)
    assert [row[0] for row in dedupe()] == [0, 1]
    assert are_shared(copy, site_packages(one) / "sample/large.bin")


@SHARING
def test_what_differs_stays_apart_and_what_no_record_lists_is_paired(
    place: Path, tmp_path: Path, by_pip: MakeByPip, reflink: Run
) -> None:
    one, two, three = (site_packages(by_pip(name)) for name in ("one", "two", "three"))
    # as long as RECORD says, but another content; and one that differs late
    (two / "sample/large.bin").write_bytes(LARGE[:-1] + b"!")
    (one / "notes.txt").write_bytes(LARGE[:100_000])
    (two / "sample" / "others.pyc").write_bytes(LARGE[:100_000])
    (three / "late.txt").write_bytes(LARGE[:99_999] + b"!")
    before = state(place)
    reflink("dedupe", "--wheel-cache", tmp_path / "cache", place)
    assert state(place) == before
    assert are_shared(one / "sample/large.bin", three / "sample/large.bin")
    assert not shares_all_extents(two / "sample/large.bin", one / "sample/large.bin")
    assert are_shared(one / "notes.txt", two / "sample" / "others.pyc")
    assert not disk_bytes(extents(three / "late.txt")).shared


@SHARING
def test_a_dry_run_changes_nothing_and_tells_the_same(
    place: Path, tmp_path: Path, by_pip: MakeByPip, reflink: Run
) -> None:
    by_pip("one"), by_pip("two")
    command = ["dedupe", "--json", "--wheel-cache", tmp_path / "cache", place]
    would = json.loads(reflink(*command, "--dry-run").stdout)
    assert would["freed"] == 0
    done = json.loads(reflink(*command).stdout)
    assert would["environments"] == done["environments"]
    assert sum(row["shared"] for row in done["environments"]) > 0


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_what_cannot_be_shared_is_counted_with_the_reason(tmp_path: Path, by_pip: MakeByPip, reflink: Run) -> None:
    one, two, three = by_pip("one"), by_pip("two"), by_pip("three")
    immutable = site_packages(two) / "sample/large.bin"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_bytes(LARGE)
    (site_packages(three) / "linked").symlink_to(elsewhere)
    subprocess.run(["chattr", "+i", immutable], check=True)
    try:
        told = json.loads(reflink("dedupe", "--json", "--wheel-cache", tmp_path / "cache", one, two, three).stdout)
    finally:
        subprocess.run(["chattr", "-i", immutable], check=True)
    rows = {Path(row["environment"]).name: row["passed_over"] for row in told["environments"]}
    assert rows["two"]["immutable, or another user's"] == 1
    assert rows["one"].keys() == rows["three"].keys() == {"at most 2048 bytes"}
    assert not shares_all_extents(immutable, site_packages(one) / "sample/large.bin")
    # not noted as done: what was immutable may be shared later
    again = json.loads(reflink("dedupe", "--json", "--wheel-cache", tmp_path / "cache", one, two, three).stdout)
    assert sum(row["shared"] for row in again["environments"]) == 1


@SHARING
def test_an_ordinary_user_shares_what_is_theirs(place: Path, by_pip: MakeByPip) -> None:
    one, two, of_root = by_pip("one"), by_pip("two"), by_pip("of_root")
    place.parent.parent.chmod(0o755)
    for environment in (one, two):
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", environment], check=True)
    # no permission to write is needed
    (site_packages(two) / "sample/large.bin").chmod(0o444)
    command = [sys.executable, "-m", "virtualenv_reflink", "dedupe", "--json", "--wheel-cache", place / "cache"]
    done = subprocess.run([*AS_NOBODY, *command, one, two, of_root], capture_output=True, text=True, check=True)
    rows = {Path(row["environment"]).name: row for row in json.loads(done.stdout)["environments"]}
    assert are_shared(*(site_packages(environment) / "sample/large.bin" for environment in (one, two)))
    assert rows["of_root"]["shared"] == 0
    assert rows["of_root"]["passed_over"]["immutable, or another user's"] >= len(DUPLICATES)


@pytest.mark.parametrize("place", ["ext4", "tmpfs"], indirect=True)
def test_a_filesystem_without_reflinks_is_told_at_once(place: Path, by_pip: MakeByPip, reflink: Run) -> None:
    by_pip("one")
    said = reflink("dedupe", place, code=1).stderr
    assert "has no reflinks; what would help is to have the environments on a filesystem with reflinks" in said


def test_bad_input_is_one_sentence(tmp_path: Path, reflink: Run) -> None:
    assert "name a PATH" in reflink("dedupe", code=2).stderr
    assert f"in {tmp_path / 'none'}: No such file or directory" in reflink("dedupe", tmp_path / "none", code=1).stderr
    (tmp_path / "file").touch()
    assert "Not a directory" in reflink("dedupe", tmp_path / "file", code=1).stderr
    assert "there is no environment in" in reflink("dedupe", tmp_path, code=1).stderr


def test_environments_are_found_wherever_they_are(tmp_path: Path) -> None:
    for name in ("a/.venv", ".tox/py313", ".nox/tests-3-13", "with space\n"):
        (tmp_path / name / "lib/python3.13/site-packages").mkdir(parents=True)
        (tmp_path / name / "pyvenv.cfg").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a/.venv/lib64").symlink_to("lib")
    found = find_environments([tmp_path, tmp_path / "a"])
    assert {str(place.root.relative_to(tmp_path)) for place in found} == {
        *("a/.venv", ".tox/py313", ".nox/tests-3-13", "with space\n")
    }
    assert all(place.libraries == (place.root / "lib/python3.13/site-packages",) for place in found)


def test_the_places_of_tools_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    usual = (
        *(".local/share/pipx/venvs", ".cache/pypoetry/virtualenvs", ".local/share/hatch/env", ".virtualenvs"),
        *(".local/share/virtualenvs", ".local/share/pdm/venvs", ".local/share/uv/tools"),
    )
    for name in usual:
        (tmp_path / name).mkdir(parents=True)
    assert set(known_places({})) == {tmp_path / name for name in usual}
    (tmp_path / "mine/venvs").mkdir(parents=True)
    chosen = known_places({"PIPX_HOME": str(tmp_path / "mine"), "WORKON_HOME": "~/mine"})
    assert {tmp_path / "mine/venvs", tmp_path / "mine"} <= set(chosen)
    assert tmp_path / ".virtualenvs" not in chosen


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_other_programs_may_call_it(tmp_path: Path, by_pip: MakeByPip) -> None:
    one, two = by_pip("one"), by_pip("two")
    deduped = virtualenv_reflink.dedupe([str(one), two], wheel_cache=tmp_path / "cache")
    assert deduped.environments.keys() == {one, two}
    assert deduped.environments[two].shared >= len(DUPLICATES)
    assert deduped.freed > len(LARGE)


def test_who_imports_the_package_imports_nothing_else() -> None:
    script = "import sys, virtualenv_reflink; print([name for name in sys.modules if 'virtualenv_reflink' in name])"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "'virtualenv_reflink.sharing" not in told
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = virtualenv_reflink.nothing
