"""Environments on real filesystems: what is shared, what is isolated, what is told."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from benchmarks.loop_mounts import used_bytes
from tests.conftest import ONCE, Run, python_of, tree_digest
from tests.support.comparison import site_packages
from tests.support.extents import shares_all_extents
from tests.support.wheels import make_wheel
from virtualenv_reflink.cache.manifest import read_tree

# with and without reflinks; what others do does not depend on the Python
XFS, TMPFS = (pytest.param(name, marks=ONCE) for name in ("xfs", "tmpfs"))
SHARING = pytest.mark.parametrize("place", ["btrfs", XFS], indirect=True)
COPYING = pytest.mark.parametrize("place", ["ext4", TMPFS], indirect=True)
EVERYWHERE = pytest.mark.parametrize("place", ["btrfs", XFS, "ext4", TMPFS], indirect=True)
MODES = pytest.mark.parametrize("mode", ["auto", "copy"])


@pytest.fixture
def warm(place: Path) -> Path:
    """A wheel cache on the same filesystem, of all tests that leave it as it is."""
    return place.parent / "wheel-cache"


def cached_files(cache: Path, scheme: str = "purelib") -> dict[str, Path]:
    """Every file that the cache puts into a scheme, by its path there."""
    entries = [manifest.parent for manifest in cache.glob("v*/wheels/*/*/manifest.json")]
    trees = [read_tree(entry) for entry in entries]
    return {path: Path(tree.root, scheme, path) for tree in trees for path, _ in tree.files(scheme)}


@SHARING
@pytest.mark.usefixtures("core")
def test_every_file_of_a_wheel_shares_all_its_extents_with_the_cache(
    place: Path, warm: Path, virtualenv: Run, wheelhouse: Path
) -> None:
    environment = place / "env"
    # the newest release may have no wheel for this Python
    (numpy,) = wheelhouse.glob("numpy-*.whl")
    options = ["--extra-search-dir", wheelhouse, "--with", "black", "--with", numpy]
    done = virtualenv("--wheel-cache", warm, *options, environment)
    assert "via=clone," in done.stdout
    for scheme in ("purelib", "platlib"):
        cached = cached_files(warm, scheme)
        assert len(cached) > 100
        apart = [
            path for path, file in cached.items() if not shares_all_extents(site_packages(environment) / path, file)
        ]
        assert apart == []


@ONCE
@SHARING
def test_ten_environments_take_almost_no_disk(place: Path, warm: Path, virtualenv: Run, wheelhouse: Path) -> None:
    options = ["--wheel-cache", warm, "--extra-search-dir", wheelhouse, "--with", "numpy", "--with", "black"]
    virtualenv(*options, place / "first")
    apparent = sum(path.lstat().st_size for path in (place / "first").rglob("*"))
    before = used_bytes(place)
    for number in range(10):
        virtualenv(*options, place / f"env-{number}")
    assert (used_bytes(place) - before) / 10 < 0.03 * apparent


@EVERYWHERE
@MODES
@pytest.mark.usefixtures("core")
def test_nothing_done_in_an_environment_changes_the_cache_or_the_next_one(
    place: Path, warm: Path, mode: str, virtualenv: Run
) -> None:
    environment = place / "env"
    virtualenv("--wheel-cache", warm, "--link-mode", mode, environment)
    before, made = tree_digest(warm), tree_digest(site_packages(environment))
    for number, path in enumerate(sorted(site_packages(environment).rglob("*.py*"))):
        [
            lambda path: path.write_bytes(b"overwritten"),
            lambda path: os.truncate(path, 1 if path.stat().st_size else 0),
            lambda path: path.chmod(0o600),
            lambda path: path.unlink(),
        ][number % 4](path)
    assert tree_digest(warm) == before
    virtualenv("--wheel-cache", warm, "--link-mode", mode, "--clear", environment)
    again = tree_digest(site_packages(environment))
    assert again == made


@COPYING
def test_auto_copies_where_nothing_can_be_cloned_and_says_why(place: Path, warm: Path, virtualenv: Run) -> None:
    environment = place / "env"
    done = virtualenv("--wheel-cache", warm, environment)
    name = subprocess.run(["stat", "-f", "-c", "%T", place], capture_output=True, text=True, check=True).stdout.strip()
    assert f"via=copy: {'tmpfs' if name == 'tmpfs' else 'ext4'} has no reflinks" in done.stdout
    subprocess.run([python_of(environment), "-m", "pip", "check"], check=True, capture_output=True)


@SHARING
def test_auto_copies_across_filesystems_and_says_why(warm: Path, tmp_path: Path, virtualenv: Run) -> None:
    done = virtualenv("--wheel-cache", warm, tmp_path / "env")
    assert "via=copy: the wheel cache is on another filesystem" in done.stdout
    assert tree_digest(site_packages(tmp_path / "env"))


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_auto_copies_into_a_nocow_directory_and_says_why(place: Path, warm: Path, virtualenv: Run) -> None:
    nocow = place / "nocow"
    nocow.mkdir()
    subprocess.run(["chattr", "+C", nocow], check=True)
    done = virtualenv("--wheel-cache", warm, nocow / "env")
    assert "via=copy: the directory refuses clones" in done.stdout
    virtualenv("--wheel-cache", warm, place / "env")
    copied, cloned = (tree_digest(site_packages(root / "env") / "pip") for root in (nocow, place))
    assert copied == cloned


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.usefixtures("core")
def test_a_nocow_directory_in_the_middle_does_not_fail_the_tree(place: Path, warm: Path, virtualenv: Run) -> None:
    environment = place / "env"
    virtualenv("--no-seed", environment)
    vendored = site_packages(environment) / "pip" / "_vendor"
    vendored.mkdir(parents=True)
    subprocess.run(["chattr", "+C", vendored], check=True)
    done = virtualenv("--wheel-cache", warm, "--link-mode", "clone", environment)
    assert "via=clone, " in done.stdout
    assert "files copied: they refused" in done.stdout
    virtualenv("--wheel-cache", warm, place / "plain")
    assert tree_digest(site_packages(environment) / "pip") == tree_digest(site_packages(place / "plain") / "pip")


@COPYING
def test_clone_asked_for_where_it_is_impossible_is_an_error(place: Path, warm: Path, virtualenv: Run) -> None:
    done = virtualenv("--wheel-cache", warm, "--link-mode", "clone", place / "env", code=1)
    assert "--link-mode clone is impossible here" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    assert [path.name for path in site_packages(place / "env").iterdir() if "pip" in path.name] == []


@EVERYWHERE
@pytest.mark.usefixtures("core")
def test_hardlink_shares_inodes_that_are_read_only(place: Path, virtualenv: Run) -> None:
    cache, environment = place / "cache", place / "env"
    done = virtualenv("--wheel-cache", cache, "--link-mode", "hardlink", environment)
    assert "via=hardlink," in done.stdout
    for path, file in cached_files(cache).items():
        assert (site_packages(environment) / path).samefile(file)
        assert not file.stat().st_mode & 0o222


def rewrite_in_disguise(file: Path) -> None:
    """Change one byte and nothing that stat tells but the ctime."""
    before = file.stat()
    file.chmod(0o644)
    file.write_bytes(b"#" + file.read_bytes()[1:])
    file.chmod(before.st_mode)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("place", ["ext4"], indirect=True)
@pytest.mark.parametrize(
    ("mode", "change"),
    [
        ("hardlink", rewrite_in_disguise),
        ("auto", rewrite_in_disguise),
        ("layer", rewrite_in_disguise),
        ("hardlink", lambda file: file.write_bytes(b"")),
        ("hardlink", os.unlink),
        ("hardlink", os.utime),
    ],
    ids=["content", "content-auto", "content-layer", "size", "gone", "mtime"],
)
def test_a_cached_file_changed_through_a_hard_link_is_never_handed_on(
    tmp_path: Path, place: Path, mode: str, change: Callable[[Path], object], reflink: Run
) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b"print(1)", "other.py": b"print(2)"})
    venv = ["venv", "--wheel-cache", place / "cache", "--without-pip", "--with", wheel, "--link-mode"]
    reflink(*venv, "hardlink", place / "zeroth", place / "first", place / "second")
    shutil.rmtree(place / "zeroth")
    reflink(*venv, "hardlink", place / "zeroth")
    changed = [site_packages(place / "second") / "sample.py", cached_files(place / "cache")["sample.py"]]
    change(changed[change is os.unlink])
    reflink(*venv, mode, place / "third")
    assert subprocess.check_output([python_of(place / "third"), "-m", "sample"]) == b"1\n"


@pytest.mark.parametrize("place", ["xfs"], indirect=True)
def test_a_mode_changed_through_a_hard_link_is_put_back(tmp_path: Path, place: Path, reflink: Run) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b"print(1)"})
    venv = ["venv", "--wheel-cache", place / "cache", "--without-pip", "--with", wheel, "--link-mode", "hardlink"]
    reflink(*venv, place / "first")
    (site_packages(place / "first") / "sample.py").chmod(0o666)
    reflink(*venv, place / "second")
    for name in ("first", "second"):
        assert (site_packages(place / name) / "sample.py").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("place", ["xfs"], indirect=True)
def test_changed_bytecode_is_never_handed_on(tmp_path: Path, place: Path, reflink: Run) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b"print(1)"})
    venv = ["venv", "--wheel-cache", place / "cache", "--without-pip", "--with", wheel, "--link-mode", "hardlink"]
    reflink(*venv, place / "first")
    (cached,) = site_packages(place / "first").glob("__pycache__/sample.*.pyc")
    rewrite_in_disguise(cached)
    reflink(*venv, place / "second")
    (made,) = site_packages(place / "second").glob("__pycache__/sample.*.pyc")
    assert not made.samefile(cached)
    assert made.read_bytes()[:4] == MAGIC_NUMBER


@SHARING
def test_hardlink_across_filesystems_is_an_error(warm: Path, tmp_path: Path, virtualenv: Run) -> None:
    done = virtualenv("--wheel-cache", warm, "--link-mode", "hardlink", tmp_path / "env", code=1)
    assert (
        "--link-mode hardlink is impossible here: the wheel cache is on another filesystem" in done.stderr + done.stdout
    )


@SHARING
def test_clones_have_the_modes_of_the_umask_and_the_mtimes_of_the_cache(place: Path, virtualenv: Run) -> None:
    cache, environment = place / "cache", place / "env"
    virtualenv("--wheel-cache", cache, environment, umask=0o027)
    for path, file in cached_files(cache).items():
        status = (site_packages(environment) / path).stat()
        assert status.st_mode & 0o666 == 0o640
        if path.endswith(".py"):
            assert status.st_mtime_ns == file.stat().st_mtime_ns
