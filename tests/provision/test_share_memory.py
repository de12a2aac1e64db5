"""``--share-memory``: shared objects are hard links to the cache, and all else is as in any environment."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ONCE, Run, python_of, tree_digest
from tests.placing.test_link_modes import cached_files, rewrite_in_disguise
from tests.support.comparison import site_packages
from tests.support.extents import shares_all_extents
from tests.support.wheels import make_wheel
from virtualenv_reflink.cache import shared_objects
from virtualenv_reflink.cache.layout import VERSION
from virtualenv_reflink.cache.manifest import read_unpacked_wheel
from virtualenv_reflink.cache.shared_objects import parts_of
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.provision.link_modes import link_modes

EVERYWHERE = pytest.mark.parametrize(
    ("place", "mode"), [("btrfs", "clone"), ("xfs", "clone"), ("ext4", "copy"), ("tmpfs", "copy")], indirect=["place"]
)
ON_BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)
ON_EXT4 = pytest.mark.parametrize("place", ["ext4"], indirect=True)
ELF = b"\x7fELF" + random.Random(3).randbytes(20_000)
SHARED = {"sample/_fast.so", "sample/lib/odd.name", "bin/sample-tool", "share/sample.bin"}
FILES = {
    "sample/__init__.py": b"x = 1\n" * 1000,
    "sample/_fast.so": ELF,
    "sample/lib/odd.name": ELF + b"odd",
    "sample/lib/text.so": b"no shared object\n" * 1000,
    "sample-1.0.data/scripts/sample-tool": ELF + b"tool",
    "sample-1.0.data/data/share/sample.bin": ELF + b"data",
}
PLAIN = {"sample/__init__.py", "sample/lib/text.so"}


class Environments:
    """Makes environments with one wheel, and tells how their files came."""

    def __init__(self, place: Path, wheel: Path, reflink: Run) -> None:
        self.place = place
        self.cache = place / "cache"
        self.wheel = wheel
        self._reflink = reflink

    def make(self, name: str, *words: object, **options: Any) -> dict[str, Any]:
        """Make an environment below the place, or elsewhere, and return the outcome."""
        told = self.place / "outcome.json"
        command = ["venv", "--wheel-cache", self.cache, "--without-pip", "--with", self.wheel, "--outcome", told]
        self._reflink(*command, *words, self.place / name, **options)
        (outcome,) = json.loads(told.read_text())
        assert isinstance(outcome, dict)
        return outcome

    def share(self, name: str, *words: object) -> dict[str, Any]:
        """Make one that shares memory."""
        return self.make(name, "--share-memory", *words)

    def file(self, name: str, path: str) -> Path:
        """Return a file of an environment."""
        root = site_packages(self.place / name) if path.startswith("sample") else self.place / name
        return root / path

    def linked(self, name: str) -> set[str]:
        """Return which files of an environment are the cached ones themselves."""
        cached = {
            path.replace("sample-tool", "bin/sample-tool"): file
            for scheme in ("purelib", "scripts", "data")
            for path, file in cached_files(self.cache, scheme).items()
        }
        return {path for path, file in cached.items() if self.file(name, path).samefile(file)}


@pytest.fixture
def environments(place: Path, tmp_path: Path, reflink: Run) -> Environments:
    executable = ("sample-1.0.data/scripts/sample-tool",)
    return Environments(place, make_wheel(tmp_path, FILES, executable=executable), reflink)


@EVERYWHERE
@pytest.mark.usefixtures("core")
def test_shared_objects_are_the_cached_files_and_nothing_else_is(environments: Environments, mode: str) -> None:
    environments.make("plain")
    before = tree_digest(environments.cache / VERSION / "wheels")
    outcome = environments.share("env")
    assert (outcome["mode"], outcome["shared_objects"]) == (mode, "hardlink")
    assert environments.linked("env") == SHARED
    assert environments.linked("plain") == set()
    for path in SHARED:
        assert not environments.file("env", path).stat().st_mode & 0o222
        assert environments.file("env", path).read_bytes() == environments.file("plain", path).read_bytes()
    for path in PLAIN if mode == "clone" else ():
        assert shares_all_extents(environments.file("env", path), cached_files(environments.cache)[path])
    assert tree_digest(environments.cache / VERSION / "wheels") == before


@ONCE
@ON_BTRFS
def test_a_real_library_runs_and_can_be_upgraded_and_uninstalled(
    place: Path, wheelhouse: Path, virtualenv: Run
) -> None:
    cache, environment = place / "cache", place / "env"
    options = ["--wheel-cache", cache, "--extra-search-dir", wheelhouse, "--with", "numpy"]
    done = virtualenv(*options, "--share-memory", environment)
    assert "via=clone, shared objects by hardlink, " in done.stdout
    cached = cached_files(cache, "platlib")
    elf = {path for path, file in cached.items() if file.open("rb").read(4) == b"\x7fELF"}
    assert len(elf) > 10
    assert {path for path in cached if (site_packages(environment) / path).samefile(cached[path])} == elf
    subprocess.run([python_of(environment), "-c", "import numpy; numpy.ones(3).sum()"], check=True)
    before = tree_digest(cache / VERSION / "wheels")
    pip = [python_of(environment), "-m", "pip"]
    again = [*pip, "install", "--quiet", "--force-reinstall", "--no-deps", "--no-index", "--find-links", wheelhouse]
    subprocess.run([*again, "numpy"], check=True)
    assert not any((site_packages(environment) / path).samefile(cached[path]) for path in elf)
    virtualenv(*options, "--share-memory", "--clear", environment)
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", "numpy"], check=True)
    assert not (site_packages(environment) / "numpy").exists()
    shutil.rmtree(environment)
    assert tree_digest(cache / VERSION / "wheels") == before


@ONCE
@ON_EXT4
@pytest.mark.parametrize(
    ("mode", "beside"),
    [("share", []), ("auto", []), ("hardlink", []), ("layer", []), ("share", ["hardlink"]), ("auto", ["hardlink"])],
)
def test_what_was_changed_through_an_environment_is_never_handed_on(
    environments: Environments, mode: str, beside: list[str]
) -> None:
    for each in beside:
        environments.make(each, "--link-mode", each)
    for name in ("zeroth", "first", "second"):
        environments.share(name)
    shutil.rmtree(environments.place / "zeroth")
    environments.share("zeroth")
    rewrite_in_disguise(environments.file("second", "sample/_fast.so"))
    environments.make("third", *(["--share-memory"] if mode == "share" else ["--link-mode", mode]))
    code = "import sample; print(sample.__path__[0])"
    told = subprocess.check_output([python_of(environments.place / "third"), "-c", code], text=True)
    assert Path(told.strip(), "_fast.so").read_bytes() == ELF
    assert environments.file("second", "sample/_fast.so").read_bytes() != ELF


@ONCE
@ON_EXT4
def test_an_edit_is_found_after_the_next_environment_is_gone(environments: Environments) -> None:
    """The others' numbers of links move together, that of the file that was edited does not."""
    for name in ("first", "second"):
        environments.share(name)
    edited = environments.file("first", "sample/_fast.so")
    rewrite_in_disguise(edited)
    for path in SHARED - {"sample/_fast.so"}:
        environments.file("second", path).unlink()
    environments.share("third")
    assert environments.file("third", "sample/_fast.so").read_bytes() == ELF


@ONCE
@ON_BTRFS
def test_where_the_kernel_refuses_links_it_falls_back_and_says_why_once(
    environments: Environments, tmp_path: Path, place: Path
) -> None:
    subprocess.run(["btrfs", "--quiet", "subvolume", "create", place / "subvolume"], check=True)
    reason = "no shared memory, as the wheel cache is on another mount or subvolume, which hard links do not reach"
    outcome = environments.share("subvolume/env")
    assert (outcome["mode"], outcome["shared_objects"], outcome["reasons"]) == ("clone", "clone", [reason])
    for path in ("sample/_fast.so", "sample/lib/text.so"):
        file = environments.file("subvolume/env", path)
        assert shares_all_extents(file, cached_files(environments.cache)[path])
        assert file.stat().st_mode & 0o200
    outcome = environments.share(os.path.relpath(tmp_path / "env", place))
    elsewhere = "the wheel cache is on another filesystem"
    assert (outcome["mode"], outcome["shared_objects"]) == ("copy", "copy")
    assert outcome["reasons"] == [elsewhere, f"no shared memory, as {elsewhere}"]
    assert environments.linked(os.path.relpath(tmp_path / "env", place)) == set()


@ONCE
@ON_BTRFS
@pytest.mark.parametrize("by", ["option", "variable", "ini"])
def test_with_snapshots_it_is_refused_before_anything_is_made(
    environments: Environments, place: Path, virtualenv: Run, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    words = ["--share-memory"] if by == "option" else []
    if by == "variable":
        monkeypatch.setenv("VIRTUALENV_SHARE_MEMORY", "on")
    elif by == "ini":
        (place / "virtualenv.ini").write_text("[virtualenv]\nshare_memory = true\n")
        monkeypatch.setenv("VIRTUALENV_CONFIG_FILE", str(place / "virtualenv.ini"))
    sentence = "--share-memory is impossible with --link-mode snapshot"
    done = virtualenv("--wheel-cache", environments.cache, "--link-mode", "snapshot", *words, place / "env", code=1)
    assert sentence in (done.stdout + done.stderr).splitlines()[-1]
    assert "Traceback" not in done.stdout + done.stderr
    assert not (place / "env").exists()
    if by == "ini":
        done = virtualenv("--wheel-cache", environments.cache, place / "env")
        assert "via=clone, shared objects by hardlink" in done.stdout


def test_link_modes_that_share_memory_anyway_stay_as_they_are_and_auto_takes_no_snapshot() -> None:
    for name in ("layer", "hardlink"):
        modes = link_modes(name)
        assert modes.sharing_memory() is modes
    auto = link_modes("auto").sharing_memory()
    assert (auto.tree, auto.for_many, auto.shares_inodes) == (None, None, False)
    assert auto.files == link_modes("auto").files
    with pytest.raises(LinkModeError, match="--link-mode snapshot"):
        link_modes("snapshot").sharing_memory()


@ONCE
@ON_BTRFS
def test_explain_dedupe_and_fork(environments: Environments, place: Path, reflink: Run) -> None:
    environments.share("env")
    environments.share("other")
    cache = ["--wheel-cache", environments.cache]
    cached = tree_digest(environments.cache / VERSION / "wheels")

    def explained() -> dict[str, Any]:
        told = json.loads(reflink("explain", "--json", *cache, place / "env").stdout)
        (sample,) = told["distributions"]
        assert isinstance(sample, dict)
        return sample

    sample = explained()
    assert (sample["mode"], sample["changed"]) == ("hardlink", [])
    assert sample["shared"] >= 4 * len(ELF)
    reflink("dedupe", *cache, place / "env", place / "other")
    assert environments.linked("env") == SHARED
    reflink("fork", place / "env", place / "fork")
    assert environments.linked("fork") == set()
    assert shares_all_extents(environments.file("fork", "sample/_fast.so"), environments.file("env", "sample/_fast.so"))
    for path in SHARED:
        file = environments.file("fork", path)
        file.chmod(0o644)
        file.write_bytes(b"changed")
    assert environments.file("env", "sample/_fast.so").read_bytes() == ELF
    assert tree_digest(environments.cache / VERSION / "wheels") == cached
    changed = environments.file("env", "sample/_fast.so")
    with changed.open("r+b") as stream:
        stream.write(b"\x7fELF changed")
    # what shares its data with the cache is not read, but for what is the cached file itself
    subprocess.run(["cp", "--reflink=always", changed, place / "clone"], check=True)
    assert explained()["changed"] == [str(changed)]


@ONCE
@ON_BTRFS
def test_of_a_base_cache_only_wheels_with_shared_objects_are_taken_over(
    environments: Environments, tmp_path: Path, place: Path, reflink: Run
) -> None:
    pure = make_wheel(tmp_path, {"pure.py": b"x = 1\n" * 1000}, name="pure")
    reflink("cache", "fill", "--wheel-cache", place / "base", pure, environments.wheel)
    before = tree_digest(place / "base")
    environments.share("env", "--with", pure, "--base-cache", place / "base")
    assert environments.linked("env") == SHARED
    (own,) = environments.cache.glob("v*/wheels/*/unpacked")
    assert (own / "tree/purelib/sample/_fast.so").exists()
    assert tree_digest(place / "base") == before


@pytest.mark.parametrize("note", [None, b"", b"[]", b'{"purelib": ["sample"]}', b'{"purelib": {"sample": 1}}'])
def test_files_are_looked_into_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: bytes | None) -> None:
    cache = WheelCache(tmp_path / "cache")
    unpacked = cache.unpacked(make_wheel(tmp_path, FILES))
    found = parts_of(cache.store, unpacked)
    if note is not None:
        (tmp_path / "cache" / VERSION / "shared-objects" / unpacked.key).write_bytes(note)
        assert parts_of(cache.store, unpacked) == found
    monkeypatch.setattr(shared_objects, "is_shared_object", lambda _: pytest.fail("a file was looked into again"))
    entry = tmp_path / "cache" / VERSION / "wheels" / unpacked.key / "unpacked"
    assert parts_of(WheelCache(tmp_path / "cache").store, read_unpacked_wheel(entry)) == found
    assert found.shared_objects is not None
    paths = [{path for scheme in tree.schemes for path, _ in tree.files(scheme)} for tree in found]
    assert paths[0] == {path.removeprefix("bin/") for path in SHARED}
    assert paths[0].isdisjoint(paths[1])
    assert len(paths[0]) + len(paths[1]) == len(FILES) + 2


def test_a_source_that_is_gone_has_the_wheel_unpacked_again(tmp_path: Path, reflink: Run) -> None:
    environments = Environments(tmp_path, make_wheel(tmp_path, FILES), reflink)
    environments.make("first")
    cached_files(environments.cache)["sample/__init__.py"].unlink()
    environments.share("second")
    assert environments.linked("second") == SHARED
