"""Commands that are ended at a random moment, by root and by an ordinary user."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.provision.test_ordinary_user import AS_NOBODY, NOBODY
from tests.support.tools import default_signals

TRIES = int(os.environ.get("TRIES", "2"))
"""For each filesystem, user and signal; fifty are for when something of it was changed."""
SIGNALS = pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
USERS = pytest.mark.parametrize("user", [[], AS_NOBODY], ids=["root", "nobody"])


def give_to_nobody(place: Path) -> None:
    """Let an ordinary user reach a filesystem, and own all that it holds."""
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", place], check=True)
    place.parent.parent.chmod(0o755)


class Ended:
    """Runs one command of ours, and ends it at a random moment; ``times`` it was ended before it had succeeded."""

    def __init__(self, user: list[str], number: signal.Signals, *words: object) -> None:
        """Take who runs it, what ends it, and its words."""
        self._command = [*user, sys.executable, "-m", "virtualenv_reflink", *map(str, words)]
        self._number = number
        self._chosen = random.Random(number)
        self.times = 0

    def run(self) -> None:
        """Run it to its end; fail unless it succeeds."""
        subprocess.run(self._command, check=True)

    def seconds(self, prepare: Callable[[], object]) -> float:
        """Return how long it takes, of two runs the quicker one, each after ``prepare``."""
        return min(self._timed(prepare) for _ in range(2))

    def run_for(self, seconds: float) -> None:
        """Run it for a random part of so many seconds."""
        process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL, preexec_fn=default_signals)
        time.sleep(self._chosen.uniform(0, seconds))
        process.send_signal(self._number)
        self.times += process.wait() != 0

    def _timed(self, prepare: Callable[[], object]) -> float:
        prepare()
        began = time.monotonic()
        self.run()
        return time.monotonic() - began
