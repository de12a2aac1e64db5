"""The package sets: pinned with hashes in ``requirements/``, downloaded and locked once a run."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import tomllib

from benchmarks.index import serve
from benchmarks.processes import run
from benchmarks.rounds import clean_environment

SETS = ("10", "139", "400")
_REQUIREMENTS = Path(__file__).with_name("requirements")


class Packages:
    """Wheels and locks of the sets, in one directory outside the filesystems that are measured."""

    def __init__(self, directory: Path) -> None:
        self.wheels = directory / "wheels"
        self.directory = directory

    def fetch(self, names: Sequence[str]) -> None:
        """Download the wheels of these sets and lock each; a smaller set is part of every larger one.

        :raises CommandError: when pip cannot; it says why.
        """
        if not names:
            return
        largest = max(names, key=SETS.index)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        run([*pip, "-d", self.wheels, "-r", self.requirements(largest)], clean_environment())
        lock = [
            sys.executable,
            "-m",
            "virtualenv_reflink",
            "lock",
            "-q",
            "--wheel-cache",
            str(self.directory / "cache"),
        ]
        for name in names:
            run([*lock, *self.sources, "-o", self.lock(name), "-r", self.requirements(name)], clean_environment())

    def files(self, name: str) -> int:
        """Return how many files the wheels of a set hold."""
        lock = tomllib.loads(self.lock(name).read_text(encoding="utf-8"))
        paths = [self.directory / package["wheels"][0]["path"] for package in lock["packages"]]
        return sum(len(zipfile.ZipFile(path).namelist()) for path in paths)

    @property
    def sources(self) -> list[str]:
        """pip's and uv's options that lead to the wheels and nowhere else."""
        return ["--no-index", "--find-links", str(self.wheels)]

    @cached_property
    def index(self) -> str:
        """The address of a package index that has the wheels; it is there until this process ends."""
        return serve(self.wheels, self.directory / "index")

    def names(self, name: str) -> Path:
        """Return a requirements file that has the names of a set, and no versions."""
        path = self.directory / f"names-{name}.txt"
        lines = self.requirements(name).read_text(encoding="utf-8").splitlines()
        path.write_text("".join(f"{line.partition('==')[0]}\n" for line in lines if "==" in line), encoding="utf-8")
        return path

    def requirements(self, name: str) -> Path:
        """Return the requirements file of a set."""
        return _REQUIREMENTS / f"{name}.txt"

    def lock(self, name: str) -> Path:
        """Return the pylock.toml of a set."""
        return self.directory / f"pylock.set-{name}.toml"
