"""The test suites of real packages pass where the package is in a snapshot or a layer."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run, python_of

pytestmark = [
    ONCE,
    pytest.mark.parametrize("place", ["btrfs"], indirect=True),
    pytest.mark.parametrize("mode", ["snapshot", "layer"]),
]
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]


def made(place: Path, mode: str, reflink: Run, *requirements: str) -> Path:
    """Return the interpreter of a new environment with pytest and requirements."""
    words = [word for requirement in ("pytest", "hypothesis", *requirements) for word in ("--with", requirement)]
    reflink("venv", "--wheel-cache", place / "cache", "--link-mode", mode, *words, place / "env")
    return python_of(place / "env")


def passes(command: list[object], directory: Path) -> None:
    done = subprocess.run(list(map(str, command)), cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_numpy(place: Path, mode: str, reflink: Run) -> None:
    python = made(place, mode, reflink, "numpy")
    passes([python, *PYTEST, "--pyargs", "numpy.linalg"], place)


def test_attrs(tmp_path: Path, place: Path, mode: str, reflink: Run) -> None:
    python = made(place, mode, reflink, "attrs", "cloudpickle")
    download = ["-m", "pip", "download", "-q", "--no-deps", "--no-binary=:all:", "-d", tmp_path, "attrs"]
    subprocess.run([sys.executable, *map(str, download)], check=True)
    (archive,) = tmp_path.glob("attrs-*.tar.gz")
    with tarfile.open(archive) as sdist:
        sdist.extractall(place, filter="data")
    passes([python, *PYTEST, "tests"], place / archive.name.removesuffix(".tar.gz"))
