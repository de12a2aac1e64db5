"""One mounted filesystem with the caches of all candidates, and the commands that make environments on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from benchmarks.limit import compile_limit, limit_command, why_no_limit
from benchmarks.packages import Packages
from benchmarks.processes import Command, run
from benchmarks.rounds import Candidate, clean_environment
from virtualenv_reflink.filesystem.subvolume import is_subvolume, unseal_subvolume

REFLINKS = ("btrfs", "xfs")
Maker = Callable[[Path], list[Command]]
"""The commands that make an environment in a directory."""


class Setting:
    """Where environments are made: ``environ`` keeps every cache on the same mount and the network out."""

    def __init__(self, filesystem: str, place: Path, packages: Packages) -> None:
        self.filesystem = filesystem
        self.place = place
        self.packages = packages
        self.environment = place / "env"
        self.uv = shutil.which("uv")
        self.environ = self.environ_with_caches(place)

    def environ_with_caches(self, directory: Path) -> dict[str, str]:
        """Return environment variables that put the caches of all candidates into ``directory``."""
        inherited = {name: value for name, value in clean_environment().items() if not name.startswith("PIP_")}
        return {
            **inherited,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_CACHE_DIR": str(directory / "pip"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_CACHE_DIR": str(directory / "uv"),
            "UV_NO_CONFIG": "1",
            "VIRTUALENV_OVERRIDE_APP_DATA": str(directory / "app-data"),
            "VIRTUALENV_CONFIG_FILE": os.devnull,
            "VIRTUALENV_WHEEL_CACHE": str(directory / "cache"),
            "VIRTUALENV_REMEMBER_FOR": "100000",
        }

    @property
    def clones(self) -> bool:
        """Whether the filesystem has reflinks."""
        return self.filesystem in REFLINKS

    @property
    def constant_time_modes(self) -> list[str]:
        """Our link modes whose cost does not grow with the number of files, as far as this filesystem has them."""
        return ["snapshot", "layer"] if self.filesystem == "btrfs" else ["layer"]

    @property
    def link_modes(self) -> list[str]:
        """Our link modes, as far as this filesystem has them."""
        return [*(["clone"] if self.clones else []), *self.constant_time_modes, "hardlink"]

    def python(self, environment: Path | None = None) -> str:
        """Return the interpreter of an environment."""
        return str((environment or self.environment) / "bin" / "python")

    def ours(self, name: str, mode: str, *options: str, environment: Path | None = None) -> list[Command]:
        """Make an environment with a set and no pip, by ``python -m virtualenv_reflink venv``."""
        venv = [sys.executable, "-m", "virtualenv_reflink", "venv", "-q", "--without-pip", *link_mode(mode), *options]
        return [[*venv, "--with-requirements", self.packages.lock(name), environment or self.environment]]

    def uvs(self, name: str, mode: str, *options: str, environment: Path | None = None) -> list[Command]:
        """Make an environment with a set, by ``uv venv`` and ``uv pip install``."""
        target = environment or self.environment
        return [
            [str(self.uv), "venv", "-q", "--offline", "-p", sys.executable, target],
            self.uv_fill(name, mode, *options, environment=target),
        ]

    def our_maker(self, name: str, mode: str, *options: str) -> Maker:
        """Return what makes environments anywhere, by us."""
        return lambda environment: self.ours(name, mode, *options, environment=environment)

    def uv_maker(self, name: str, mode: str) -> Maker:
        """Return what makes environments anywhere, by uv."""
        return lambda environment: self.uvs(name, mode, environment=environment)

    def uv_fill(self, name: str, mode: str, *options: str, environment: Path | None = None) -> Command:
        """Install a set into an environment, by ``uv pip install``; all is pinned, so nothing is to be resolved."""
        install = [
            str(self.uv),
            "pip",
            "install",
            "-q",
            "--offline",
            *self.packages.sources,
            *link_mode(mode),
            *options,
        ]
        pinned = ["--no-deps", "--require-hashes", "-r", str(self.packages.requirements(name))]
        return [*install, "-p", self.python(environment), *pinned]

    def pips(self, name: str) -> list[Command]:
        """Make an environment with a set, by ``python -m venv --without-pip`` and ``pip install``."""
        pip = [sys.executable, "-m", "pip", "--python", self.python(), "install", "-q", *self.packages.sources]
        return [self.bare_venv, [*pip, "--no-deps", "--require-hashes", "-r", self.packages.requirements(name)]]

    @property
    def bare_venv(self) -> Command:
        """Make an environment with nothing in it."""
        return [sys.executable, "-m", "venv", "--without-pip", str(self.environment)]

    def copied(self, tree: Path) -> list[Command]:
        """Clone a whole tree with cp."""
        return [["cp", "-a", "--reflink=always", tree, self.environment]]

    def limit(self, tree: Path) -> list[Command]:
        """Clone a whole tree with the limit program."""
        return [limit_command(self._limit_program, tree, self.environment)]

    @cached_property
    def _limit_program(self) -> Path:
        return compile_limit(self.place)

    def reference(self, name: str, *options: str, mode: str = "clone") -> Path:
        """Return an environment that stays, for what copies trees; it is made when it is first asked for."""
        tree = self.place / "-".join(["reference", name, mode, *options]).replace("--", "")
        if not tree.exists():
            self.make(self.ours(name, mode, *options, environment=tree))
        return tree

    def wait_for_deletions(self) -> None:
        """Wait until a btrfs has given back what deleted subvolumes held, which it does when they are gone already."""
        if self.filesystem == "btrfs":
            self.make([["btrfs", "subvolume", "sync", self.place]])

    def make(self, commands: Sequence[Command]) -> None:
        """Run commands that are not timed."""
        for command in commands:
            run(command, self.environ)

    def anew(self, commands: Sequence[Command]) -> Candidate:
        """Return a candidate that finds no environment."""
        return Candidate(commands, lambda: delete(self.environment))

    def into_bare(self, commands: Sequence[Command]) -> Candidate:
        """Return a candidate that finds an environment with nothing in it."""

        def prepare() -> None:
            delete(self.environment)
            self.make([self.bare_venv])

        return Candidate(commands, prepare)

    @property
    def has_limit(self) -> bool:
        """Whether the limit can be measured here."""
        return self.clones and why_no_limit() is None


def link_mode(name: str) -> list[str]:
    """Return the option of ours and of uv that names a link mode; none for "default", which leaves it to them."""
    return [] if name == "default" else ["--link-mode", name]


def with_caches_in(directory: Path, setting: Setting) -> list[str]:
    """Return how a command begins that finds its caches in ``directory``."""
    variables = setting.environ_with_caches(directory).items()
    return ["env", *(f"{name}={value}" for name, value in variables if value.startswith(str(directory)))]


def delete(directory: Path) -> None:
    """Delete a directory, if it is there; a cache too, whose sealed subvolumes not even root can write to."""
    for tree in directory.glob("cache/v*/layers/*/tree"):
        if is_subvolume(str(tree)):
            unseal_subvolume(str(tree))
    # faster than shutil.rmtree, which counts where it is done before each of many runs
    subprocess.run(["rm", "-rf", directory], check=True)
