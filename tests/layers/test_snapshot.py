"""``--link-mode snapshot``: a whole site-packages at once, on a real btrfs."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.loop_mounts import loop_mount, used_bytes
from tests.conftest import Run, bare, python_of, tree_digest
from tests.support.comparison import differences, packages, site_packages
from tests.support.extents import shares_all_extents
from tests.support.wheels import full_wheel, make_wheel
from virtualenv_reflink.cache.layout import VERSION
from virtualenv_reflink.filesystem.extents import extents
from virtualenv_reflink.filesystem.subvolume import create_subvolume, is_subvolume, snapshot

BTRFS = pytest.mark.parametrize("place", ["btrfs"], indirect=True)
# what an ordinary user has: files of his own, and none of root's capabilities
UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
SEEDS = ["pip"] if sys.version_info >= (3, 12) else ["pip", "setuptools"]
REFLINK = [sys.executable, "-m", "virtualenv_reflink"]


@BTRFS
def test_equals_what_clones_give(tmp_path: Path, place: Path, reflink: Run) -> None:
    wheel = full_wheel(tmp_path)
    environments = [place / mode / "env" for mode in ("snapshot", "clone", "snapshot-again")]
    for environment in environments:
        mode = environment.parent.name.partition("-")[0]
        options = ["--wheel-cache", place / "cache", "--link-mode", mode, "--with", wheel]
        assert reflink("venv", *options, environment).stdout == ""
    for made in (environments[0], environments[2]):
        assert is_subvolume(str(site_packages(made)))
        assert differences(made, environments[1]) == []
        assert subprocess.check_output([made / "bin" / "sample"], text=True) == "sample runs\n"
        assert subprocess.check_output([made / "bin" / "sample-script"], text=True) == "sample runs\n"
        subprocess.run([made / "bin" / "pip", "check"], check=True)
    subprocess.run([python_of(environments[0]), "-m", "pip", "uninstall", "-y", "sample"], check=True)
    assert packages(environments[0]).keys() == {*SEEDS}
    assert not list(environments[0].glob("**/sample*"))
    assert packages(environments[2]).keys() == {"sample", *SEEDS}


@BTRFS
def test_everything_is_shared_and_nothing_is_touched(tmp_path: Path, place: Path, virtualenv: Run) -> None:
    options = ["--wheel-cache", place / "cache", "--link-mode", "snapshot", "--with", full_wheel(tmp_path)]
    assert "via=snapshot," in virtualenv(*options, place / "first").stdout
    virtualenv(*options, place / "second")
    (layer,) = [path for path in place.glob("cache/v*/layers/*/tree") if is_subvolume(str(path))]
    made = {"RECORD", "INSTALLER", "direct_url.json"}
    cached = [path for path in layer.rglob("*") if path.is_file() and path.name not in made and path.stat().st_size]
    assert len(cached) > 900
    first, second = site_packages(place / "first"), site_packages(place / "second")
    assert [path for path in cached if not shares_all_extents(first / path.relative_to(layer), path)] == []
    (record,) = first.glob("pip-*.dist-info/RECORD")
    assert b"../../../bin/pip," in record.read_bytes()
    assert extents(record)[0].physical == extents(layer / record.relative_to(first))[0].physical
    before = tree_digest(layer), tree_digest(second)
    for path in list(first.rglob("*.py")):
        path.write_text("changed")
    (first / "sample" / "data.txt").unlink()
    (first / "new").touch()
    assert (tree_digest(layer), tree_digest(second)) == before
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        (layer / "sample" / "__init__.py").write_text("root's mistake")
    used = used_bytes(place)
    for number in range(10):
        virtualenv(*options, place / f"env-{number}")
    assert used_bytes(place) - used < 3 << 20


@BTRFS
def test_needs_no_privileges(tmp_path: Path, place: Path) -> None:
    wheel, environment = full_wheel(tmp_path), place / "env"
    options = ["--wheel-cache", place / "cache", "--link-mode", "snapshot", "--with", wheel]
    command = [*UNPRIVILEGED, *REFLINK, "venv", *options]
    subprocess.run([*command, environment], check=True)
    assert is_subvolume(str(site_packages(environment)))
    subprocess.run([*command, "--clear", environment], check=True)
    assert packages(environment).keys() == {"sample", *SEEDS}
    subprocess.run([*UNPRIVILEGED, "rm", "-rf", environment], check=True)
    assert not environment.exists()
    subprocess.run([*command, environment], check=True)
    shutil.rmtree(environment)
    virtualenv = [*UNPRIVILEGED, sys.executable, "-m", "virtualenv", "--seeder", "reflink", *options]
    for clear in ([], ["--clear"]):
        subprocess.run([*virtualenv, *clear, environment], check=True)
        assert is_subvolume(str(site_packages(environment)))


@BTRFS
@pytest.mark.parametrize("python", [[], ["-p", sys.executable]], ids=["own", "other"])
def test_clear_deletes_a_snapshot_at_once(tmp_path: Path, place: Path, python: list[str], reflink: Run) -> None:
    options = ["--wheel-cache", place / "cache", "--link-mode", "snapshot", "--with", full_wheel(tmp_path), *python]
    reflink("venv", *options, place / "env")
    with open(site_packages(place / "env") / "sample" / "data.txt", "rb") as stream:
        reflink("venv", *options, "--clear", place / "env")
        assert os.fstat(stream.fileno()).st_nlink == 1, "it was unlinked on its own"
        assert not os.path.samestat(os.fstat(stream.fileno()), os.stat(stream.name))
    subprocess.run([place / "env" / "bin" / "sample"], check=True)


@BTRFS
def test_from_another_subvolume_and_another_mount(tmp_path: Path, place: Path, reflink: Run) -> None:
    create_subvolume(str(place / "subvolume"))
    (place / "mounted").mkdir()
    (tmp_path / "elsewhere").mkdir()
    subprocess.run(["mount", "--bind", place / "mounted", tmp_path / "elsewhere"], check=True)
    try:
        for target in (place / "subvolume" / "env", tmp_path / "elsewhere" / "env"):
            options = ["--wheel-cache", place / "cache", "--link-mode", "snapshot", "--without-pip"]
            reflink("venv", *options, "--with", full_wheel(tmp_path), target)
            assert is_subvolume(str(site_packages(target)))
            subprocess.run([target / "bin" / "sample"], check=True)
    finally:
        subprocess.run(["umount", tmp_path / "elsewhere"], check=True)


@BTRFS
def test_where_packages_are_already_it_says_so_and_clones(tmp_path: Path, place: Path, reflink: Run) -> None:
    environment = bare(place / "env")
    options = ["--wheel-cache", place / "cache", "-p", environment, "--link-mode", "snapshot"]
    assert " via snapshot\n" in reflink("install", *options, full_wheel(tmp_path)).stdout
    other = make_wheel(tmp_path, {"other.py": b""}, name="other")
    said = reflink("install", *options, other).stdout
    assert " via clone: the environment already has packages\n" in said
    newer = make_wheel(tmp_path, {"sample.py": b""}, version="2.0")
    reflink("install", *options, newer)
    assert packages(environment) == {"sample": "2.0", "other": "1.0"}
    assert not (site_packages(environment) / "sample").exists()
    assert not (environment / "bin" / "sample").exists()


@BTRFS
def test_a_foreign_file_in_the_way(tmp_path: Path, place: Path, reflink: Run) -> None:
    environment = bare(place / "env")
    (site_packages(environment) / "sample").mkdir()
    (site_packages(environment) / "kept.py").write_text("kept")
    (environment / "bin" / "sample").write_text("mine")
    options = ["--wheel-cache", place / "cache", "-p", environment, "--link-mode", "snapshot", full_wheel(tmp_path)]
    before = tree_digest(environment)
    assert f"{site_packages(environment)}/sample is there already" in reflink("install", *options, code=1).stderr
    (site_packages(environment) / "sample").rmdir()
    assert f"{environment}/bin/sample is there already" in reflink("install", *options, code=1).stderr
    assert tree_digest(environment) == before
    assert not is_subvolume(str(site_packages(environment)))
    (environment / "bin" / "sample").unlink()
    reflink("install", *options)
    assert (site_packages(environment) / "kept.py").read_text() == "kept"
    assert sorted(path.name for path in site_packages(environment).parent.iterdir()) == ["site-packages"]


@pytest.mark.parametrize("place", ["xfs"], indirect=True)
def test_where_it_is_impossible(tmp_path: Path, place: Path, btrfs: Path, reflink: Run) -> None:
    options = ["--link-mode", "snapshot", "--without-pip", "--with", full_wheel(tmp_path)]
    said = reflink("venv", "--wheel-cache", place / "cache", *options, place / "env", code=1).stderr
    assert said.startswith("error: --link-mode snapshot is impossible here: xfs has no subvolumes; ")
    assert not list(place.glob("cache/v*/layers/*/tree"))
    with loop_mount("btrfs", 256) as other:
        said = reflink("venv", "--wheel-cache", other / "cache", *options, btrfs / "env", code=1).stderr
        assert "the environment is not on the btrfs of the wheel cache" in said
    assert not (btrfs / "env").exists()
    assert not (place / "env").exists()


@BTRFS
def test_two_processes_build_one_layer_and_a_killed_one_leaves_nothing(tmp_path: Path, place: Path) -> None:
    options = ["--wheel-cache", str(place / "cache"), "--link-mode", "snapshot", "--with", str(full_wheel(tmp_path))]
    running = [subprocess.Popen([*REFLINK, "venv", *options, str(place / f"env-{number}")]) for number in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    (layer,) = [path for path in place.glob("cache/v*/layers/*/tree") if is_subvolume(str(path))]
    for number in range(3):
        subprocess.run([python_of(place / f"env-{number}"), "-c", "import sample"], check=True)
    staging = place / "cache" / VERSION / "staging" / f"layers.{layer.parent.name}.killed"
    staging.mkdir()
    snapshot(str(layer), str(staging / "tree"))
    subprocess.run(["btrfs", "property", "set", staging / "tree", "ro", "true"], check=True)
    subprocess.run(["btrfs", "property", "set", layer, "ro", "false"], check=True)
    shutil.rmtree(layer.parent)
    subprocess.run([*REFLINK, "venv", *options, place / "last"], check=True)
    assert not list(staging.parent.iterdir())


def give_group(directory: Path) -> None:
    os.chown(directory, -1, 65534)
    directory.chmod(0o2775)


def give_acl(directory: Path) -> None:
    subprocess.run(["setfacl", "-d", "-m", "g:65534:rwx", directory], check=True)


INHERITED = pytest.mark.parametrize(
    ("give", "what"),
    [
        (give_group, "group"),
        pytest.param(
            give_acl, "default ACL", marks=pytest.mark.skipif(not shutil.which("setfacl"), reason="there is no setfacl")
        ),
    ],
)


def access(environment: Path) -> set[tuple[int, int, bool]]:
    """Return group, mode and presence of an ACL of all that an environment has of a package."""
    places = [site_packages(environment), *site_packages(environment).glob("sample/**/*")]
    return {
        (path.stat().st_gid, path.stat().st_mode, "system.posix_acl_access" in os.listxattr(path)) for path in places
    }


@BTRFS
@INHERITED
def test_what_a_snapshot_would_not_inherit(
    tmp_path: Path, place: Path, give: Callable[[Path], None], what: str, reflink: Run
) -> None:
    options = ["--wheel-cache", place / "cache", "--without-pip", "--with", full_wheel(tmp_path)]
    (place / "team").mkdir()
    give(place / "team")
    reflink("venv", *options, "--link-mode", "clone", place / "team" / "clone")
    said = reflink("venv", *options, "--link-mode", "snapshot", place / "team" / "snapshot").stdout
    assert said == f"via=clone: a snapshot would not inherit the {what} of the directory\n"
    assert access(place / "team" / "snapshot") == access(place / "team" / "clone")
    environment = bare(place / "env")
    give(site_packages(environment))
    words = ["--wheel-cache", place / "cache", "-p", environment, "--link-mode", "snapshot", full_wheel(tmp_path)]
    assert f"would not inherit the {what}" in reflink("install", *words).stdout


@BTRFS
@INHERITED
def test_what_a_snapshot_must_not_inherit_from_the_cache(
    tmp_path: Path, place: Path, give: Callable[[Path], None], what: str, reflink: Run
) -> None:
    (place / "cache").mkdir()
    give(place / "cache")
    (place / "cache").chmod(0o2755 if what == "group" else 0o755)
    options = ["--wheel-cache", place / "cache", "--without-pip", "--with", full_wheel(tmp_path)]
    for mode in ("clone", "snapshot"):
        reflink("venv", *options, "--link-mode", mode, place / mode)
    assert is_subvolume(str(site_packages(place / "snapshot")))
    assert access(place / "snapshot") == access(place / "clone")


@BTRFS
def test_a_snapshot_has_the_group_of_its_maker(tmp_path: Path, place: Path) -> None:
    options = ["--wheel-cache", place / "cache", "--without-pip", "--with", full_wheel(tmp_path)]
    for group in ("0", "65534"):
        for mode in ("clone", "snapshot"):
            command = ["setpriv", "--regid", group, "--keep-groups", *REFLINK, "venv", "--link-mode", mode, *options]
            subprocess.run([*command, place / f"{mode}-{group}"], check=True)
        assert access(place / f"snapshot-{group}") == access(place / f"clone-{group}")
    assert is_subvolume(str(site_packages(place / "snapshot-65534")))
