"""What explain tells is what the filesystem itself tells."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ONCE, Run, python_of
from tests.provision.test_ordinary_user import AS_NOBODY
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.layers.choice import why_not_unasked

LARGE = random.Random(2).randbytes(2 << 20)
FILES = {"sample/large.bin": LARGE, "sample/other.bin": LARGE[:50_000], "sample/__init__.py": b"x = 1\n" * 1000}
BYTES = sum(map(len, FILES.values()))
MODES = [
    *[("btrfs", mode, mode) for mode in ("clone", "snapshot", "layer", "hardlink")],
    *[("xfs", mode, mode) for mode in ("clone", "layer", "hardlink")],
    *[("ext4", mode, mode) for mode in ("layer", "hardlink", "copy")],
    *[("tmpfs", mode, mode) for mode in ("hardlink", "copy")],
    # copy_file_range(2) shares where it can
    *[(filesystem, "copy", "clone") for filesystem in ("btrfs", "xfs")],
]


def explained(reflink: Run, *words: object) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(reflink("explain", "--json", *words).stdout)
    return told


def make(place: Path, tmp_path: Path, reflink: Run, mode: str = "auto") -> tuple[Path, list[object]]:
    """Make an environment; return it and the options that name its cache."""
    cache: list[object] = ["--wheel-cache", place / "cache"]
    wheel = make_wheel(tmp_path, FILES)
    reflink("venv", *cache, "--link-mode", mode, "--without-pip", "--with", wheel, place / "env")
    return place / "env", cache


@ONCE
@pytest.mark.parametrize(("place", "mode", "told"), MODES, indirect=["place"])
def test_the_mode_is_told_and_what_is_shared(place: Path, tmp_path: Path, reflink: Run, mode: str, told: str) -> None:
    environment, cache = make(place, tmp_path, reflink, mode)
    (sample,) = explained(reflink, *cache, environment)["distributions"]
    assert (sample["name"], sample["version"], sample["installer"]) == ("sample", "1.0", "virtualenv-reflink")
    assert sample["mode"] == told
    assert sample["changed"] == sample["missing"] == []
    mine, others = ("alone", "shared") if told == "copy" else ("shared", "alone")
    assert BYTES <= sample[mine] < 1.1 * BYTES
    assert sample[others] < 0.05 * BYTES


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("mode", ["clone", "copy"])
def test_it_agrees_with_the_filesystem(place: Path, tmp_path: Path, reflink: Run, mode: str) -> None:
    environment, cache = make(place, tmp_path, reflink, mode)
    with open(site_packages(environment) / "sample/large.bin", "r+b") as stream:
        stream.write(b"!" * 500_000)
    subprocess.run(["sync", "-f", environment], check=True)
    command = ["btrfs", "filesystem", "du", "--raw", "--summarize", environment]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    _, exclusive, shared = map(int, told.splitlines()[1].split()[:3])
    total = explained(reflink, *cache, environment)["total"]
    assert total["alone"] == pytest.approx(exclusive, rel=0.01)
    assert total["shared"] == pytest.approx(shared, rel=0.01)
    apparent = sum(path.lstat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
    assert total["apparent"] == apparent


@pytest.mark.parametrize("place", ["btrfs", "xfs", "ext4"], indirect=True)
def test_what_was_changed_is_told(place: Path, tmp_path: Path, reflink: Run) -> None:
    environment, cache = make(place, tmp_path, reflink)
    library = site_packages(environment)
    large = library / "sample/large.bin"
    large.write_bytes(LARGE[:-1] + bytes([LARGE[-1] ^ 1]))
    os.utime(large, ns=(1, 1))
    (library / "sample/__init__.py").unlink()
    other = library / "sample/other.bin"
    other.unlink()
    other.write_bytes(FILES["sample/other.bin"])
    (library / "added.txt").write_bytes(b"added")
    told = explained(reflink, *cache, environment)
    (sample,) = told["distributions"]
    assert sample["changed"] == [str(large)]
    assert sample["missing"] == [str(library / "sample/__init__.py")]
    text = reflink("explain", *cache, environment).stdout
    assert f"changed: {large} (sample)\nmissing: {library / 'sample/__init__.py'} (sample)\n" in text


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_a_file_whose_data_are_those_of_the_cache_is_not_read(place: Path, tmp_path: Path, reflink: Run) -> None:
    environment, cache = make(place, tmp_path, reflink)
    traced = tmp_path / "opened"
    script = (
        "import builtins, sys; real = builtins.open\n"
        f"def noting(path, *more, **named):\n"
        f"    real({str(traced)!r}, 'a').write(str(path) + chr(10))\n"
        "    return real(path, *more, **named)\n"
        "builtins.open = noting\n"
        "from virtualenv_reflink.cli import main; sys.exit(main(sys.argv[1:]))\n"
    )
    subprocess.run([sys.executable, "-c", script, "explain", *map(str, cache), environment], check=True)
    assert "/RECORD\n" in traced.read_text()
    assert "sample/large.bin" not in traced.read_text()


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("mode", ["clone", "layer"])
def test_processes_that_map_files_are_told(place: Path, tmp_path: Path, reflink: Run, mode: str) -> None:
    environment, cache = make(place, tmp_path, reflink, mode)
    script = (
        "import mmap, sample, sys, os; stream = open(os.path.dirname(sample.__file__) + '/large.bin', 'rb')\n"
        "mapped = mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ); print('ready', flush=True); sys.stdin.read()"
    )
    command = [python_of(environment), "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        (sample,) = explained(reflink, *cache, environment)["distributions"]
        process.communicate()
    assert sample["processes"] == [process.pid]
    assert sample["mapped"] == pytest.approx(len(LARGE), abs=4096)
    (sample,) = explained(reflink, *cache, environment)["distributions"]
    assert sample["processes"] == []


@pytest.mark.parametrize(
    ("place", "refused", "auto"),
    [
        ("btrfs", {"clone": None, "hardlink": None, "snapshot": None}, "clone"),
        ("xfs", {"clone": None, "hardlink": None, "snapshot": "xfs has no subvolumes"}, "clone"),
        ("tmpfs", {"clone": "tmpfs has no reflinks", "hardlink": None, "snapshot": "tmpfs has no subvolumes"}, "copy"),
    ],
    indirect=["place"],
)
def test_what_a_directory_gets_is_tried_and_told(
    place: Path, reflink: Run, refused: dict[str, str | None], auto: str
) -> None:
    before = sorted(place.rglob("*"))
    told = explained(reflink, "--wheel-cache", place / "cache", place)
    assert {tried["mode"]: tried["refused"] for tried in told["tried"]} == refused
    assert told["auto"] == {"mode": auto, "reasons": [refused["clone"]] if refused["clone"] else []}
    assert told["directory"]["mount_point"] == str(place.parent)
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_what_would_help_is_told(place: Path, tmpfs: Path, reflink: Run) -> None:
    far, near = ["--wheel-cache", tmpfs / "none"], ["--wheel-cache", place / "none"]
    elsewhere = "--link-mode auto takes copy: the wheel cache is on another filesystem\n"
    to_directory = reflink("explain", *far, place).stdout
    assert elsewhere in to_directory
    assert f"keep the wheel cache on the filesystem of the directory, below {place.parent}" in to_directory
    to_cache = reflink("explain", *near, tmpfs).stdout
    assert elsewhere in to_cache
    assert f"make environments on the filesystem of the wheel cache, below {place.parent}" in to_cache
    assert "use a filesystem with reflinks: btrfs, XFS" in reflink("explain", *far, tmpfs).stdout
    reason = why_not_unasked(place)
    for_many = f"clone: {reason}" if reason else "snapshot"
    assert f"for 5,000 files and more it takes {for_many}\n" in reflink("explain", *near, cwd=place).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_bad_input_is_one_sentence(tmp_path: Path, reflink: Run) -> None:
    said = reflink("explain", tmp_path / "none", code=1).stderr
    assert said == f"error: there is no directory {tmp_path / 'none'}; name an environment, or where one is to be\n"
    command = [sys.executable, "-m", "virtualenv_reflink", "explain", "--wheel-cache", "/nowhere", "/"]
    done = subprocess.run([*AS_NOBODY, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing can be tried in /" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_environment_is_explained_all_the_same(tmp_path: Path, reflink: Run) -> None:
    broken = tmp_path / "lib/python3.13/site-packages/odd-1.dist-info"
    broken.mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").touch()
    (broken / "RECORD").write_bytes(b'odd.py,sha256=x,3\n"odd\xff,,\n../../../../../../etc/passwd,sha256=x,1\nonly\n')
    (broken.parent / "odd.py").write_bytes(b"abc")
    (odd,) = explained(reflink, "--wheel-cache", tmp_path / "cache", tmp_path)["distributions"]
    assert odd["changed"] == [str(broken.parent / "odd.py")]
    assert odd["installer"] == ""
