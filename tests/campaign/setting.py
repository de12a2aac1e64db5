"""One mounted filesystem with wheels, a cache and an environment, and our commands run on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.campaign.checks import bad_entries, installed, not_whole, unlisted
from tests.campaign.tally import Tally
from tests.campaign.wheels import NAMES, make_wheels
from tests.support.projects import make_project
from tests.support.tools import default_signals
from virtualenv_reflink.filesystem.subvolume import is_subvolume, unseal_subvolume

REFLINK = (sys.executable, "-m", "virtualenv_reflink")


class Done(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    said: str


class Setting:
    """Wheels, a cache and one environment in a directory; all of it is made again by :meth:`reset`."""

    def __init__(self, directory: Path, files: int = 1500) -> None:
        self.directory = directory
        self.cache = directory / "cache"
        self.environment = directory / "env"
        self.locks = make_wheels(directory / "wheels", files)
        self.project = make_project(directory / "project", "editable_project")
        self._template = directory / "template"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self._template], check=True)
        self._made_by_creator = {
            os.path.relpath(os.path.join(parent, name), self._template)
            for parent, _, names in os.walk(self._template)
            for name in names
        }

    def reset(self) -> None:
        """Make the environment one with nothing in it."""
        remove(self.environment)
        subprocess.run(["cp", "-a", self._template, self.environment], check=True)
        for path in (*self.environment.glob("bin/*activate*"), self.environment / "pyvenv.cfg"):
            path.write_text(path.read_text().replace(str(self._template), str(self.environment)))

    def run(self, command: list[str], **more: object) -> Done:
        """Run a command to its end."""
        done = subprocess.run(command, capture_output=True, text=True, env=environ(), timeout=300, **more)  # type: ignore[call-overload]
        return Done(done.returncode, done.stdout + done.stderr)

    def start(self, command: list[str], output: Path) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own, which may live longer than it."""
        with output.open("wb") as stream:
            return subprocess.Popen(
                command,
                stdout=stream,
                stderr=stream,
                env=environ(),
                start_new_session=True,
                preexec_fn=default_signals,
            )

    def command(self, name: str, mode: str, *words: object) -> list[str]:
        """Return a command of ours for the environment."""
        options = ["--wheel-cache", str(self.cache), "--link-mode", mode]
        if name == "install":
            options += ["-p", str(self.environment)]
        return [*REFLINK, name, *options, *map(str, words)]

    def problems(self, expected: dict[str, str]) -> Iterator[str]:
        """Yield what is wrong with an environment that should hold ``expected``."""
        found = installed(self.environment)
        if found != expected:
            yield f"it holds {found}, not {expected}"
        yield from not_whole(self.environment, hashes=True)
        yield from unlisted(self.environment, self._made_by_creator)
        check = self.run([str(self.environment / "bin" / "python"), "-B", "-m", "pip", "check"])
        if check.code:
            yield f"pip check: {check.said.strip()}"

    def run_again(self, command: list[str], expected: dict[str, str], tally: Tally) -> None:
        """Run ``command``, and count what is wrong then with it, with the environment and with the cache."""
        again = self.run(command)
        tally.problem("traceback", [again.said] if "Traceback" in again.said else [])
        failed = [f"exit status {again.code}: {again.said.strip()[-500:]}"] if again.code else []
        tally.problem("next run not whole", failed or self.problems(expected))
        tally.problem("bad entry served", bad_entries(self.cache))


def versions(version: str, **more: str) -> dict[str, str]:
    """Return what an environment holds once a lock is installed."""
    from tests.campaign.wheels import pip_wheel

    return {**dict.fromkeys(NAMES, version), "pip": pip_wheel().name.split("-")[1], **more}


def remove(path: Path) -> None:
    """Delete what is at ``path``, sealed subvolumes and read-only directories too."""
    if not os.path.lexists(path):
        return
    for tree in (*path.glob("v*/layers/*/tree"), *path.glob("*/tree"), *path.glob("v*/staging/*/tree")):
        if is_subvolume(str(tree)):
            unseal_subvolume(str(tree))
    shutil.rmtree(path)


def environ() -> dict[str, str]:
    """Return the variables that our commands run with."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUALENV_", "PIP_INDEX"))}
    return {**clean, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
