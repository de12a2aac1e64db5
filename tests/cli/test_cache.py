"""``virtualenv-reflink cache``: what is in it, whether it is whole, and what may go."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import ONCE, Run, bare, python_of
from tests.layers.test_snapshot import UNPRIVILEGED
from tests.support.wheels import make_wheel
from virtualenv_reflink.cache import changes
from virtualenv_reflink.cache.disk_usage import allocated
from virtualenv_reflink.cache.kinds import NOTES
from virtualenv_reflink.cache.last_use import DAY_NS
from virtualenv_reflink.cache.layout import VERSION
from virtualenv_reflink.cache.manifest import read_unpacked_wheel
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.layers.integrity import is_unchanged
from virtualenv_reflink.layers.pth import PthLayer

LONG_AGO = 1_000_000_000
PYTHON = Path(sys.executable)


class Cache:
    """A cache, and the commands on it."""

    def __init__(self, root: Path, reflink: Run) -> None:
        self.root = root
        self.words = ["--wheel-cache", root]
        self.reflink = reflink

    def run(self, command: str, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.reflink("cache", command, *self.words, *words, code=code)

    def json(self, command: str, *words: object, code: int = 0) -> dict:  # type: ignore[type-arg]
        return json.loads(self.run(command, "--json", *words, code=code).stdout)  # type: ignore[no-any-return]

    def make(self, environment: Path, mode: str, *wheels: Path) -> Path:
        words = [word for wheel in wheels for word in ("--with", wheel)]
        self.reflink("venv", *self.words, "--without-pip", "--link-mode", mode, *words, environment)
        return environment

    def age(self) -> None:
        """Have everything be used for the last time long ago."""
        for place in (*self.root.glob("v*/wheels/*/*"), *self.root.glob("v*/layers/*")):
            os.utime(place, (LONG_AGO, LONG_AGO))

    def names(self) -> list[str]:
        return [row["distribution"] for row in json.loads(self.run("list", "--json").stdout)]


@pytest.fixture
def kept(tmp_path: Path, reflink: Run) -> Cache:
    return Cache(tmp_path / "cache", reflink)


def sample(directory: Path, name: str) -> Path:
    return make_wheel(directory, {f"{name}.py": f"print('{name} runs')\n".encode()}, name=name)


def runs(environment: Path, module: str) -> bool:
    command = [python_of(environment), "-m", module]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout == f"{module} runs\n"


def flip(path: Path) -> None:
    """Change one byte, and nothing else that can be seen."""
    status = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.chmod(status.st_mode)


@pytest.mark.usefixtures("core")
def test_what_is_told_of_a_cache(tmp_path: Path, kept: Cache) -> None:
    one, two = sample(tmp_path, "one"), sample(tmp_path, "two")
    kept.make(tmp_path / "first", "layer", one, two)
    kept.make(tmp_path / "second", "layer", one, two)
    kept.make(tmp_path / "third", "hardlink", one)
    assert kept.run("dir").stdout == f"{kept.root}\n"
    listed = json.loads(kept.run("list", "--json", "One").stdout)
    assert [(row["distribution"], row["version"], row["environments"]) for row in listed] == [("one", "1.0", 2)]
    assert len(listed[0]["bytecode"]) == 1
    assert abs(time.time() - listed[0]["last_used"]) < 600
    assert "one      1.0" in kept.run("list").stdout
    sizes = kept.json("size")
    du = int(subprocess.check_output(["du", "-s", "--block-size=1", kept.root / VERSION], text=True).split()[0])
    # hard links are counted once, as by du, which counts the directories above entries too
    directories = [kept.root / VERSION, *(kept.root / VERSION).iterdir(), *kept.root.glob("v*/wheels/*")]
    assert sizes["bytes"] == sum(sizes["kinds"].values())
    assert sizes["bytes"] == du - sum(path.stat().st_blocks * 512 for path in directories)
    assert sizes["kinds"]["layers"] > 0


def test_a_system_that_tells_no_blocks_has_sizes_counted() -> None:
    assert allocated(SimpleNamespace(st_size=700, st_blocks=8)) == 4096  # type: ignore[arg-type]
    assert allocated(SimpleNamespace(st_size=700)) == 700  # type: ignore[arg-type]


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_what_a_snapshot_shares_is_counted_once(tmp_path: Path, place: Path, reflink: Run) -> None:
    kept = Cache(place / "cache", reflink)
    wheel = make_wheel(tmp_path, {"data.bin": os.urandom(1 << 20)}, name="one")
    kept.make(place / "env", "snapshot", wheel)
    sizes = kept.json("size")["kinds"]
    assert sizes["wheels"] > 1 << 20
    assert sizes["layers"] < 1 << 18


def test_every_directory_in_a_cache_is_of_a_kind_that_is_described(tmp_path: Path, kept: Cache) -> None:
    kept.make(tmp_path / "env", "layer", sample(tmp_path, "one"))
    known = {kind.name for kind in NOTES} | {"wheels", "layers", "staging", "locks"}
    assert {path.name for path in kept.root.glob("v*/*")} <= known
    source = Path(__file__).parents[2] / "src" / "virtualenv_reflink"
    texts = [path.read_text() for path in source.rglob("*.py") if path.name != "kinds.py"]
    assert all(any(f'"{kind.name}"' in text for text in texts) for kind in NOTES)


@pytest.mark.parametrize("what", ["wheel", "bytecode", "layer"])
def test_a_flipped_byte_is_found_and_mended(tmp_path: Path, kept: Cache, what: str) -> None:
    one = sample(tmp_path, "one")
    environment = kept.make(tmp_path / "env", "layer", one)
    pattern = {
        "wheel": "wheels/*/unpacked/tree/purelib/one.py",
        "bytecode": "wheels/*/bytecode-*/tree/purelib/__pycache__/one.*.pyc",
        "layer": "layers/*/tree/one-1.0.dist-info/RECORD",
    }[what]
    (file,) = kept.root.glob(f"v*/{pattern}")
    assert kept.json("verify")["damaged"] == []
    flip(file)
    found = kept.json("verify", code=1)["damaged"]
    kinds = {"wheel": {"wheels", "layers"}, "bytecode": {"bytecode", "layers"}, "layer": {"layers"}}[what]
    assert {row["kind"] for row in found} == kinds
    said = kept.run("verify", code=1).stdout
    if what != "layer":
        assert all(row["files"][0]["file"].endswith(file.name) for row in found)
        assert found[0]["name"].startswith("one 1.0")
        assert f"{file.name}: its content was changed\n" in said
    assert str(environment) in kept.run("verify", "--repair", code=1).stderr
    assert not file.exists()
    assert kept.json("verify")["damaged"] == []
    kept.make(environment, "layer", one)
    assert runs(environment, "one")
    assert kept.json("verify")["damaged"] == []


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("mode", ["layer", "snapshot"])
def test_a_layer_outlives_its_wheel(tmp_path: Path, place: Path, mode: str, reflink: Run) -> None:
    """Bytecode that was compiled again is for sources with another time, and differs from the layer's."""
    kept, one = Cache(place / "cache", reflink), sample(tmp_path, "one")
    kept.make(place / "first", mode, one)
    (wheel,) = kept.root.glob("v*/wheels/*")
    shutil.rmtree(wheel)
    # bytecode has its source's time in seconds
    time.sleep(1.1)
    kept.make(place / "second", "copy", one)
    assert kept.json("verify")["damaged"] == []
    (module,) = kept.root.glob("v*/layers/*/tree/one.py")
    if mode == "layer":
        flip(module)
        (damaged,) = kept.json("verify", code=1)["damaged"]
        assert damaged["files"][0]["file"] == "one.py"


@ONCE
@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_what_only_deleted_environments_needed_goes(tmp_path: Path, place: Path, reflink: Run) -> None:
    kept = Cache(place / "cache", reflink)
    wheels = {name: sample(tmp_path, name) for name in ("shared", "dead", "alive", "moved", "copied", "snapped")}
    environments = {
        name: kept.make(place / name, "snapshot" if name == "snapped" else "layer", wheels["shared"], wheels[name])
        for name in wheels
        if name != "shared"
    }
    others = [place / f"other-{number}" for number in range(95)]
    for number, other in enumerate(others):
        shutil.copytree(environments["dead" if number % 2 else "alive"], other, symlinks=True)
        subprocess.run([python_of(other), "-c", ""], check=True)
    for other in [*others[1::2], environments["dead"]]:
        shutil.rmtree(other)
    environments["moved"] = environments["moved"].rename(place / "elsewhere")
    shutil.copytree(environments["copied"], place / "copy", symlinks=True)
    shutil.rmtree(environments["copied"])
    environments["copied"] = place / "copy"
    for name in ("moved", "copied"):
        assert runs(environments[name], name)
    kept.age()
    would = kept.json("prune", "--dry-run")
    before = kept.json("size")["bytes"]
    done = kept.json("prune")
    assert [row["name"] for row in would["removed"]] == [row["name"] for row in done["removed"]]
    assert kept.names() == ["alive", "copied", "moved", "shared"]
    assert before - kept.json("size")["bytes"] >= would["bytes"] > 0
    for name in ("alive", "moved", "copied", "snapped"):
        assert runs(environments[name], name)
        assert runs(environments[name], "shared")
    for other in others[::2]:
        assert runs(other, "alive")
    assert kept.json("verify")["damaged"] == []


def test_the_least_recently_used_goes_first(tmp_path: Path, kept: Cache) -> None:
    names = ["one", "two", "three"]
    for name in names:
        kept.make(tmp_path / name, "copy", sample(tmp_path, name))
    for number, name in enumerate(names):
        (place,) = kept.root.glob(f"v*/wheels/*/unpacked/tree/purelib/{name}.py")
        for entry in place.parents[3].iterdir():
            os.utime(entry, (LONG_AGO + number, LONG_AGO + number))
    assert kept.json("prune", "--max-size", "1TiB", "--dry-run")["removed"] == []
    assert kept.json("prune", "--unused-for", "inf")["removed"] == []
    a_day_later = LONG_AGO + DAY_NS // 10**9
    assert kept.json("prune", "--keep-only-used-since", a_day_later - 1)["removed"] == []
    assert kept.json("prune", "--keep-only-used-since", a_day_later)["removed"] != []
    assert kept.names() == ["three", "two"]
    each = [row["bytes"] for row in json.loads(kept.run("list", "--json").stdout)]
    assert len(kept.json("prune", "--max-size", sum(each) - 1)["removed"]) == 1
    assert kept.names() == ["three", "two"]
    kept.run("prune", "--max-size", each[0])
    assert kept.names() == ["three"]
    assert kept.json("prune", "--unused-for", 0)["bytes"] > 0
    assert kept.names() == []
    kept.make(tmp_path / "again", "copy", sample(tmp_path, "one"))
    assert runs(tmp_path / "again", "one")


def test_last_use_is_noted_once_a_day(tmp_path: Path, kept: Cache) -> None:
    one = sample(tmp_path, "one")
    kept.make(tmp_path / "first", "copy", one)
    entries = list(kept.root.glob("v*/wheels/*/*"))
    assert len(entries) == 2
    fresh = [entry.stat().st_mtime_ns for entry in entries]
    kept.make(tmp_path / "second", "copy", one)
    assert [entry.stat().st_mtime_ns for entry in entries] == fresh
    old = time.time_ns() - DAY_NS - 10**9
    for entry in entries:
        os.utime(entry, ns=(old, old))
    kept.make(tmp_path / "third", "copy", one)
    assert all(entry.stat().st_mtime_ns > old + DAY_NS for entry in entries)


def test_what_killed_runs_have_left_always_goes(tmp_path: Path, kept: Cache) -> None:
    kept.make(tmp_path / "env", "layer", sample(tmp_path, "one"))
    layout = kept.root / VERSION
    (layout / "staging" / "dead.unpacked.0" / "tree").mkdir(parents=True)
    (layout / "wheels" / "dead" / "unpacked").mkdir(parents=True)
    (layout / "linked" / f".virtualenv-reflink-{'0' * 24}").write_text("")
    (layout / "builds").mkdir()
    (layout / "builds" / "of-nothing").write_text("0" * 64)
    (layout / "builds" / "of-rubbish").write_bytes(b"\xff/../..")
    assert kept.json("prune")["leftover_bytes"] > 0
    assert not [*layout.glob("staging/*"), *layout.glob("wheels/dead"), *layout.glob("builds/*"), *layout.glob("*/.v*")]
    assert runs(tmp_path / "env", "one")
    assert len(list(layout.glob("users/*"))) == 1


def test_cleaning(tmp_path: Path, kept: Cache) -> None:
    one, two = sample(tmp_path, "one"), sample(tmp_path, "two")
    kept.make(tmp_path / "env", "layer", one)
    kept.make(tmp_path / "other", "copy", two)
    said = kept.run("clean", code=1).stderr
    told = "environments live on layers that would be taken out"
    assert said == f"error: {told}: {tmp_path / 'env'}; --force does it all the same\n"
    assert "has nothing of three" in kept.run("clean", "three", code=1).stderr
    kept.run("clean", "Two")
    assert kept.names() == ["one"]
    assert runs(tmp_path / "env", "one")
    kept.run("clean", "--force")
    assert not [path for path in kept.root.glob("v*/**/*") if not path.is_dir()]
    assert not runs(tmp_path / "env", "one")
    kept.make(tmp_path / "env", "layer", one)
    assert runs(tmp_path / "env", "one")


def test_an_ordinary_user_can_clean_a_cache_of_layers(tmp_path: Path, kept: Cache) -> None:
    kept.make(tmp_path / "env", "layer", sample(tmp_path, "one"))
    command = [*UNPRIVILEGED, sys.executable, "-m", "virtualenv_reflink", "cache", "clean", "--force"]
    subprocess.run([*command, *kept.words], check=True, capture_output=True)
    assert not [path for path in kept.root.glob("v*/**/*") if not path.is_dir()]


def test_those_who_use_a_cache_are_waited_for(tmp_path: Path, kept: Cache) -> None:
    kept.make(tmp_path / "env", "copy", sample(tmp_path, "one"))
    command = [sys.executable, "-m", "virtualenv_reflink", "cache", "clean", *map(str, kept.words)]
    user = WheelCache(kept.root)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert process.stderr.readline() == f"waiting for others that use the wheel cache {kept.root}\n"
        assert list(kept.root.glob("v*/wheels/*/unpacked"))
        del user
        assert process.wait(60) == 0
    assert not list(kept.root.glob("v*/wheels/*"))


@ONCE
def test_installations_beside_a_loop_of_pruning_and_cleaning(tmp_path: Path, kept: Cache) -> None:
    wheels = [sample(tmp_path, f"sample{number}") for number in range(4)]
    loop = "while :; do {0} prune {1} --unused-for 0; {0} clean {1} --force; done"
    cache = f"{sys.executable} -m virtualenv_reflink cache"
    cleaner = subprocess.Popen(
        ["sh", "-c", loop.format(cache, f"--wheel-cache {kept.root}")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    command = [sys.executable, "-m", "virtualenv_reflink", "install", *map(str, kept.words), "--link-mode"]
    environments = [bare(tmp_path / f"env-{number}") for number in range(2)]
    for number in range(2, 12):
        environments.append(shutil.copytree(environments[0], tmp_path / f"env-{number}", symlinks=True))
    try:
        pending = []
        for number, environment in enumerate(environments):
            words = [*command, ("copy", "hardlink")[number % 2], "-p", str(environment), *map(str, wheels)]
            pending.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            if len(pending) == 4:
                finish(pending.pop(0))
        for process in pending:
            finish(process)
    finally:
        os.killpg(cleaner.pid, signal.SIGKILL)
        assert "Traceback" not in cleaner.communicate()[1]
    for environment in environments:
        assert all(runs(environment, f"sample{number}") for number in range(4))


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")


@ONCE
def test_pruning_that_was_killed_loses_nothing(tmp_path: Path, kept: Cache) -> None:
    wheels = [sample(tmp_path, f"sample{number}") for number in range(6)]
    environment = kept.make(tmp_path / "env", "layer", *wheels[:3])
    command = [sys.executable, "-m", "virtualenv_reflink", "cache", "prune", "--unused-for", "0", *map(str, kept.words)]
    for seconds in (0.15, 0.2, 0.25, 0.3, 0.4):
        kept.make(tmp_path / f"other-{seconds}", "copy", *wheels)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        process.wait()
        assert kept.json("verify")["damaged"] == []
        assert all(runs(environment, f"sample{number}") for number in range(3))
    kept.run("prune", "--unused-for", 0)
    assert kept.names() == ["sample0", "sample1", "sample2"]
    assert not list(kept.root.glob("v*/staging/*"))


BAD = {
    "size": (["prune", "--max-size", "much"], 2, "'much' is not a size like 500M or 1.5GiB"),
    "huge size": (["prune", "--max-size", "9" * 400], 2, "is not a size"),
    "negative size": (["prune", "--max-size=-1"], 2, "'-1' is not a size"),
    "days": (["prune", "--unused-for", "nan"], 2, "'nan' is not a number of days from 0 up"),
    "time": (["prune", "--keep-only-used-since", "soon"], 2, "'soon' is neither a date and time"),
    "command": (["explode"], 2, "there is no command 'explode' for the cache"),
    "none": ([], 2, "usage: virtualenv-reflink cache COMMAND"),
}


@pytest.mark.parametrize(("words", "code", "told"), BAD.values(), ids=BAD)
def test_nonsense_is_one_sentence(reflink: Run, words: list[str], code: int, told: str) -> None:
    assert told in reflink("cache", *words, code=code).stderr


@pytest.mark.parametrize("command", ["size", "list", "verify", "prune", "clean"])
def test_caches_that_are_none(kept: Cache, command: str) -> None:
    kept.run(command)
    assert not kept.root.exists()
    kept.root.mkdir()
    (kept.root / "v9").mkdir()
    (kept.root / "mine.txt").write_text("mine")
    assert kept.run(command).stderr == (
        f"{kept.root / 'v9'} is of another version of virtualenv-reflink, and is left alone\n"
    )
    assert {path.name for path in kept.root.iterdir()} == {"v9", "mine.txt"}
    os.chown(kept.root, 65534, -1)
    assert "belongs to another user (uid 65534)" in kept.run(command, code=1).stderr
    os.chown(kept.root, os.geteuid(), -1)
    shutil.rmtree(kept.root)
    kept.root.write_text("")
    assert "is not a directory; choose another with --wheel-cache" in kept.run(command, code=1).stderr


def test_files_of_others_are_left_alone(tmp_path: Path, kept: Cache) -> None:
    kept.make(tmp_path / "env", "layer", sample(tmp_path, "one"))
    # NFS leaves such a file where one was deleted that is still open
    others = [kept.root / VERSION / path for path in (".nfs1", "layers/.nfs1", "wheels/.nfs1", "layers/link")]
    for other in others[:-1]:
        other.write_text("mine")
    others[-1].symlink_to(tmp_path)
    others.append(kept.root / VERSION / "users" / "pipe")
    os.mkfifo(others[-1])
    for words in (["size"], ["list"], ["verify"], ["prune", "--unused-for", 0], ["clean", "--force"]):
        assert runs(tmp_path / "env", "one")
        assert kept.run(*words).stderr == ""
    left = [path for path in kept.root.glob("v*/**/*") if path.is_symlink() or not path.is_dir()]
    assert sorted(left) == sorted(others)


@ONCE
@pytest.mark.parametrize("place", ["ext4"], indirect=True)
def test_a_cache_on_a_read_only_filesystem(tmp_path: Path, place: Path, reflink: Run) -> None:
    kept, one = Cache(place / "cache", reflink), sample(tmp_path, "one")
    kept.make(tmp_path / "env", "copy", one)
    view = tmp_path / "view"
    view.mkdir()
    subprocess.run(["mount", "--bind", place, view], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", view], check=True)
        seen = Cache(view / "cache", reflink)
        assert seen.names() == ["one"]
        assert seen.json("verify")["damaged"] == []
        assert "Read-only file system" in seen.run("prune", "--unused-for", 0, code=1).stderr
        assert "Read-only file system" in seen.run("clean", code=1).stderr
        seen.make(tmp_path / "other", "copy", one)
        assert runs(tmp_path / "other", "one")
    finally:
        subprocess.run(["umount", view], check=True)


@ONCE
def test_a_cache_on_a_full_filesystem(tmp_path: Path, reflink: Run) -> None:
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=200", "tmpfs", full], check=True)
    try:
        kept = Cache(full / "cache", reflink)
        kept.make(tmp_path / "env", "copy", sample(tmp_path, "one"))
        with pytest.raises(OSError, match="No space left"):
            fill(full)
        assert kept.json("prune", "--unused-for", 0)["bytes"] > 0
        assert kept.names() == []
    finally:
        subprocess.run(["umount", full], check=True)


def fill(directory: Path) -> None:
    for number in range(1000):
        (directory / f"file-{number}").write_text("")


def by_tar(cache: Path, elsewhere: Path) -> None:
    """Seconds are all that the format of GNU tar keeps of times of change."""
    subprocess.run(["tar", "-C", cache, "--format=gnu", "-cf", f"{elsewhere}.tar", "."], check=True)
    elsewhere.mkdir()
    subprocess.run(["tar", "-C", elsewhere, "-xf", f"{elsewhere}.tar"], check=True)


def without_links_and_times(cache: Path, elsewhere: Path) -> None:
    """Links become copies, and everything is of now."""
    subprocess.run(["cp", "-r", "--preserve=mode", cache, elsewhere], check=True)


@ONCE
@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("travel", [by_tar, without_links_and_times])
def test_a_cache_that_was_restored_elsewhere_serves_as_before(
    tmp_path: Path, place: Path, reflink: Run, monkeypatch: pytest.MonkeyPatch, travel: Callable[[Path, Path], None]
) -> None:
    before, after = Cache(place / "before", reflink), Cache(place / "after", reflink)
    wheels = [sample(tmp_path, name) for name in ("one", "two")]
    for mode in ("hardlink", "layer", "snapshot"):
        before.make(place / f"first-{mode}", mode, *wheels)
    travel(before.root, after.root)
    before.run("clean", "--force")
    unpacked = {path: path.stat().st_ino for path in after.root.glob("v*/wheels/*/*/manifest.json")}
    assert len(unpacked) == 4
    for mode in ("clone", "hardlink", "layer", "snapshot"):
        assert runs(after.make(place / f"restored-{mode}", mode, *wheels), "one")
    assert {path: path.stat().st_ino for path in after.root.glob("v*/wheels/*/*/manifest.json")} == unpacked
    assert after.json("verify")["damaged"] == []
    # what was found whole was stamped again, so that nothing needs to be hashed any more
    cache = WheelCache(after.root)
    (layer,) = after.root.glob("v*/layers/layer-*")
    assert is_unchanged(layer, PthLayer(), cache)
    monkeypatch.setattr(changes, "hash_of_file", lambda *_: pytest.fail("a file was hashed again"))
    for path in after.root.glob("v*/wheels/*/unpacked"):
        assert cache.changed_file(read_unpacked_wheel(path), None) is None


def test_what_a_run_of_ci_used_is_kept(tmp_path: Path, kept: Cache) -> None:
    wheels = [sample(tmp_path, name) for name in ("used", "unused", "layered")]
    for number, wheel in enumerate(wheels):
        kept.make(tmp_path / f"env-{number}", "layer" if number == 2 else "copy", wheel)
    time.sleep(1.1)  # what is restored within a second of its use counts as used here
    by_tar(kept.root, tmp_path / "restored")
    restored = Cache(tmp_path / "restored", kept.reflink)
    restored.make(tmp_path / "again", "copy", wheels[0])
    restored.make(tmp_path / "layered", "layer", wheels[2])
    restored.json("prune", "--ci")
    assert restored.names() == ["layered", "used"]
    assert runs(tmp_path / "layered", "layered")


def test_a_cache_is_pruned_once_a_day_after_the_work(
    tmp_path: Path, kept: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = sample(tmp_path, "one"), sample(tmp_path, "two")
    kept.make(tmp_path / "first", "copy", one)
    last = kept.root / VERSION / "pruned" / "last"
    noted = last.stat().st_mtime_ns
    kept.make(tmp_path / "second", "copy", one)
    assert last.stat().st_mtime_ns == noted
    for variables in ({"VIRTUALENV_OFFLINE": "1"}, {"VIRTUALENV_CACHE_MAX_AGE": "0"}):
        kept.age()
        os.utime(last, (LONG_AGO, LONG_AGO))
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            kept.make(tmp_path / "+".join(variables), "copy", two)
        assert last.stat().st_mtime == LONG_AGO
    kept.make(tmp_path / "third", "copy", two)
    assert last.stat().st_mtime > LONG_AGO
    until = time.monotonic() + 60
    while "one" in kept.names():
        assert time.monotonic() < until
        time.sleep(0.2)
    assert kept.names() == ["two"]
