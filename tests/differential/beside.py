"""Two environments that get the same commands, one from pip, the other from us."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.comparison import lasting_differences

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python")
_OURS = (sys.executable, "-m", "virtualenv_reflink", "install")


class Beside:
    """Two new environments in a directory; commands run in another one, with the same variables."""

    def __init__(self, directory: Path, cache: Path, working_directory: Path, environ: Mapping[str, str]) -> None:
        self.ours, self.theirs = directory / "ours" / "env", directory / "pips" / "env"
        self._cache = cache
        self._working_directory = working_directory
        self._environ = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
        for environment in (self.ours, self.theirs):
            self._run({}, sys.executable, "-m", "venv", "--without-pip", environment)

    def install(self, *words: str, **variables: str) -> list[str]:
        """Install what ``words`` say; return how exit statuses and environments differ.

        ``ENV`` in a word is the environment.
        """
        ours = self._run(variables, *_OURS, "--wheel-cache", self._cache, "-p", self.ours, *_for(self.ours, words))
        theirs = self._run(variables, *_PIP, self.theirs, "install", *_for(self.theirs, words))
        found = [f"a traceback: {ours.said}"] if "Traceback (most recent" in ours.said else []
        if bool(ours.status) != bool(theirs.status):
            found.append(f"exit status {ours.status} ({ours.end}) and {theirs.status} ({theirs.end})")
        return found + lasting_differences(self.ours, self.theirs)

    def pip(self, *words: str, **variables: str) -> list[str]:
        """Run a command of pip's in both environments; return how its answers and the environments differ."""
        answers = [self._run(variables, *_PIP, each, *_for(each, words)) for each in (self.ours, self.theirs)]
        found = [] if _alike(*answers) else [f"pip {' '.join(words)}: {answers[0].said!r} and {answers[1].said!r}"]
        return found + lasting_differences(self.ours, self.theirs)

    def remove(self) -> None:
        """Delete both environments."""
        for environment in (self.ours, self.theirs):
            shutil.rmtree(environment)

    def _run(self, variables: Mapping[str, str], *command: object) -> _Answer:
        done = subprocess.run(
            [*map(str, command)],
            cwd=self._working_directory,
            env={**self._environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return _Answer(done.returncode, done.stdout)


class _Answer(NamedTuple):
    status: int
    said: str

    @property
    def end(self) -> str:
        return " ".join(self.said.split()[-30:])


def _alike(ours: _Answer, theirs: _Answer) -> bool:
    return ours.status == theirs.status and ours.said.replace("/ours/", "/pips/") == theirs.said


def _for(environment: Path, words: tuple[str, ...]) -> list[str]:
    return [word.replace("ENV", os.fspath(environment)) for word in words]
