"""Interpreters of other versions than that of the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

VERSIONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.14d", "3.15", "3.15d", "3.15t", "pypy3.11"]
THIS = f"{sys.version_info[0]}.{sys.version_info[1]}{'t' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''}"
"""The version that the tests run with."""


def interpreter(version: str) -> Path:
    """Return an interpreter from pyenv, from the directories in TEST_PYTHONS, or from the PATH, else skip the test."""
    path = next(interpreters(version), None)
    if path is None:
        name = _name(version)
        pytest.skip(f"there is no {name}: neither from pyenv, nor in a directory that TEST_PYTHONS or PATH name")
    return path


def interpreters(version: str) -> Iterator[Path]:
    """Yield all of them."""
    name = _name(version)
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}"))
    places = [*os.environ.get("TEST_PYTHONS", "").split(os.pathsep), *os.environ["PATH"].split(os.pathsep)]
    found += [Path(place, name) for place in places if place and Path(place, name).is_file()]
    for path in found:
        # pyenv has a shim for each version, which only runs the chosen ones
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            yield path


def _name(version: str) -> str:
    return version if version.startswith("pypy") else f"python{version}"


def base_with(python: Path, directory: Path, module: str, source: str) -> Path:
    """Return a copy of an interpreter whose own site-packages hold a module."""
    question = "import os, sys; print(os.path.dirname(os.__file__)); print(os.path.realpath(sys.executable))"
    library, executable = subprocess.check_output([python, "-c", question], text=True).splitlines()
    copied = directory / "lib" / Path(library).name
    site_packages = (copied / "site-packages", directory / "lib" / "python3" / "dist-packages")
    for place in (*site_packages, directory / "bin"):
        place.mkdir(parents=True)
    for entry in Path(library).iterdir():
        if entry.name != "site-packages":
            (copied / entry.name).symlink_to(entry)
    for place in site_packages:
        (place / f"{module}.py").write_text(source)
    return Path(shutil.copy(executable, directory / "bin" / python.name))
