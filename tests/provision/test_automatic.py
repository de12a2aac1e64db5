"""What ``auto`` takes: a snapshot of many files where that is possible and welcome, else clones, else copies."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ONCE, bare
from tests.support.comparison import differences, packages, site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.environment.discovery import find_target
from virtualenv_reflink.filesystem.subvolume import is_subvolume
from virtualenv_reflink.layers import choice
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.provision.provisioner import Provisioner
from virtualenv_reflink.provision.settings import Settings
from virtualenv_reflink.requirements.request import Request

pytestmark = ONCE

ON_BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)
METADATA_FILES = 2


@pytest.fixture(autouse=True)
def _outside_of_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_MARKS_OF_CONTAINERS", ())
    monkeypatch.setattr(choice, "_CONTAINER_GROUPS", ())


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with just as many files as a snapshot is made for, RECORD not counted."""
    return wheel_of(choice.LEAST_FILES, tmp_path_factory.mktemp("many"))


def wheel_of(files: int, directory: Path) -> Path:
    contents = {f"many/{number // 100}/{number}.txt": b"" for number in range(files - METADATA_FILES)}
    return make_wheel(directory, contents, name="many")


def seeded(place: Path, *wheels: Path, name: str = "env", mode: str = "auto") -> Outcome:
    environment = find_target(str(bare(place / name))).environment
    provisioner = Provisioner(Settings(place / "cache", mode, compile_bytecode=False), environment)
    return provisioner.seed([], list(map(str, wheels)))


@ON_BTRFS
def test_many_files_come_as_a_snapshot(place: Path, many: Path) -> None:
    for name in ("first", "second"):
        assert seeded(place, many, name=name) == Outcome("snapshot")
        assert is_subvolume(str(site_packages(place / name)))
    seeded(place, many, name="clones", mode="clone")
    assert differences(place / "second", place / "clones") == []


@ON_BTRFS
def test_seeds_that_come_with_packages_are_in_their_snapshot(place: Path, many: Path, tmp_path: Path) -> None:
    environment = find_target(str(bare(place / "env"))).environment
    provisioner = Provisioner(Settings(place / "cache", compile_bytecode=False), environment)
    lock = provisioner.resolution.lock(Request((str(many),)), environment.libraries).lock
    other = make_wheel(tmp_path, {"many.py": b""}, name="many", version="2.0")
    seed = make_wheel(tmp_path, {"small.py": b""}, name="small")
    assert provisioner.install(lock, [seed, other]) == Outcome("snapshot")
    assert is_subvolume(str(environment.purelib))
    # of a distribution that is a seed and asked for, it is the one asked for
    assert packages(place / "env") == {"many": "1.0", "small": "1.0"}


@ON_BTRFS
def test_fewer_files_are_cloned(place: Path, tmp_path: Path) -> None:
    assert seeded(place, wheel_of(choice.LEAST_FILES - 1, tmp_path)) == Outcome("clone")
    assert not list(place.glob("cache/*/layers/snapshot-*"))


@ON_BTRFS
def test_a_small_snapshot_that_was_asked_for_changes_nothing(place: Path, tmp_path: Path) -> None:
    small = make_wheel(tmp_path, {"small.py": b""}, name="small")
    assert seeded(place, small, name="asked", mode="snapshot") == Outcome("snapshot")
    assert seeded(place, small) == Outcome("clone")


@ON_BTRFS
def test_an_environment_with_packages_gets_clones(place: Path, many: Path, tmp_path: Path) -> None:
    seeded(place, make_wheel(tmp_path, {"small.py": b""}, name="small"))
    environment = find_target(str(place / "env")).environment
    provisioner = Provisioner(Settings(place / "cache", compile_bytecode=False), environment)
    assert provisioner.seed([], [str(many)]) == Outcome("clone")


@ON_BTRFS
@pytest.mark.parametrize("mark", ["file", "group"])
def test_in_a_container_files_are_cloned(
    place: Path, many: Path, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mark == "file":
        (tmp_path / ".dockerenv").touch()
        monkeypatch.setattr(choice, "_MARKS_OF_CONTAINERS", (str(tmp_path / ".dockerenv"),))
    else:
        monkeypatch.setattr(choice, "_CONTAINER_GROUPS", (":",))
    assert seeded(place, many) == Outcome("clone", reasons=("no snapshot, as this is a container",))
    assert seeded(place, many, name="asked", mode="snapshot") == Outcome("snapshot")


@ON_BTRFS
def test_where_quota_groups_are_on_files_are_cloned(place: Path, btrfs: Path, many: Path) -> None:
    subprocess.run(["btrfs", "quota", "enable", btrfs], check=True)
    try:
        assert seeded(place, many) == Outcome("clone", reasons=("no snapshot, as quota groups are on",))
    finally:
        subprocess.run(["btrfs", "quota", "disable", btrfs], check=True)
    assert seeded(place, many, name="later") == Outcome("snapshot")


@pytest.mark.parametrize("place", ["xfs"], indirect=True)
def test_without_subvolumes_nothing_is_said_of_them(place: Path, many: Path) -> None:
    assert seeded(place, many) == Outcome("clone")


@ON_BTRFS
def test_a_cache_elsewhere_is_copied_from(place: Path, many: Path, tmp_path: Path) -> None:
    environment = find_target(str(bare(place / "env"))).environment
    provisioner = Provisioner(Settings(tmp_path / "cache", compile_bytecode=False), environment)
    outcome = provisioner.seed([], [str(many)])
    assert outcome.mode == "copy"
    assert not is_subvolume(str(environment.purelib))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@ON_BTRFS
def test_the_layer_of_another_user_is_left_alone(place: Path, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeded(place, many, name="first")
    monkeypatch.setattr(choice.os, "geteuid", lambda: 65534)
    assert not choice.may_snapshot(next(place.glob("cache/*/layers/*/tree")))
