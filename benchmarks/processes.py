"""Processes: what they cost, and that none is left behind."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple

Command = Sequence[str | Path]


class Cost(NamedTuple):
    """What a process took with all it waited for, in seconds."""

    wall: float
    cpu: float


class CommandError(Exception):
    """A command of a benchmark failed."""


def run(command: Command, environ: Mapping[str, str]) -> Cost:
    """Run a command and return its cost; when interrupted, it goes with all its children.

    :raises CommandError: when it fails, with what it said.
    """
    words = [str(word) for word in command]
    # in "/", so that no settings of a working directory take part
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            words, env=dict(environ), stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", process_group=0
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _kill_group(process)
            raise
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            end = said.read().decode(errors="replace").strip()[-2000:]
            raise CommandError(f"{shlex.join(words)[:300]} failed ({process.returncode}): {end}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def output(command: Command, environ: Mapping[str, str] | None = None) -> str:
    """Return what a short command prints.

    :raises CommandError: when it fails, with what it said.
    """
    done = subprocess.run([str(word) for word in command], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"{' '.join(map(str, command))} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def in_sequence(commands: Sequence[Command]) -> str:
    """Return shell text that runs commands one after the other, as long as they succeed."""
    return " && ".join(shlex.join(map(str, command)) for command in commands)


def at_once(jobs: Sequence[Sequence[Command]]) -> list[str]:
    """Return one command that runs several sequences of commands at the same time, and fails if one of them does."""
    started = "".join(f'({in_sequence(job)}) & jobs="$jobs $!"; ' for job in jobs)
    return ["sh", "-c", f"{started} for job in $jobs; do wait $job || exit 1; done"]


def stop_politely() -> None:
    """Let SIGINT and SIGTERM both end the run with KeyboardInterrupt, once: what cleans up is not interrupted."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    _set_signals(interrupt)


def _ignore_signals() -> None:
    _set_signals(signal.SIG_IGN)


def _set_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
