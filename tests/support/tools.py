"""Tools run as their users run them."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.filesystem.extents import extents


class Shell(NamedTuple):
    """A directory to run tools in, and the variables that they find."""

    directory: Path
    environ: dict[str, str]

    def run(self, *command: object, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command; fail unless it exits with ``code``, and whenever it shows a traceback."""
        environ = {**os.environ, **self.environ, **more}
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.directory,
            # an active environment is not for tools that have their own
            env={name: value for name, value in environ.items() if name != "VIRTUAL_ENV"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done


def default_signals() -> None:
    """Let a child hear of signals as a terminal's processes do, even where the tests run in the background."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def own_files(directory: Path, least_bytes: int = 4096) -> list[str]:
    """Which files of at least that size share no data with any other file; there must be files of that size."""
    found = [path for path in sorted(directory.rglob("*")) if path.is_file() and path.stat().st_size >= least_bytes]
    assert found
    return [str(path.relative_to(directory)) for path in found if not all(run.shared for run in extents(path))]
