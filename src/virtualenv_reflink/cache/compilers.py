"""Processes of one interpreter that compile sources to bytecode."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from virtualenv_reflink.cache import compile_sources
from virtualenv_reflink.errors import ReflinkError, TargetError
from virtualenv_reflink.filesystem.allocation import INLINE_LIMIT

# Below this many sources another process costs more to start than it saves.
_SOURCES_PER_PROCESS = 60


class Job(NamedTuple):
    """A source, where its bytecode is to be, and the name of the source in tracebacks."""

    source: str
    bytecode: str
    name: str


class Compiled(NamedTuple):
    """A bytecode file that was made: its size in bytes and its SHA-256, in hexadecimal."""

    size: int
    digest: str


class Stamp(NamedTuple):
    """What all files of one wheel's bytecode get: the time of modification, in ns, and the mode."""

    mtime_ns: int
    mode: int


class Compilers:
    """Compiles with as many processes as the work is worth; they stay for the next time, until the context is left."""

    def __init__(self, executable: Path, at_most: int) -> None:
        """Take the interpreter, and the greatest number of processes."""
        self.executable = executable
        self._at_most = at_most
        self._processes: list[_Process] = []

    def __enter__(self) -> Compilers:
        return self

    def __exit__(self, *_: object) -> None:
        while self._processes:
            self._processes.pop().end()

    def compile(self, jobs: Sequence[Job], stamp: Stamp) -> dict[str, Compiled]:
        """Return what bytecode could be made, by its path.

        :raises ReflinkError: when the interpreter fails.
        :raises OSError: when bytecode cannot be written.
        """
        if not jobs:
            return {}
        count = max(1, min(self._at_most, len(jobs) // _SOURCES_PER_PROCESS))
        while len(self._processes) < count:
            self._processes.append(_Process(self.executable))
        try:
            for number, process in enumerate(self._processes[:count]):
                process.ask(jobs[number::count], stamp)
            answers = [process.answer() for process in self._processes[:count]]
            return {path: made for answer in answers for path, made in answer.items()}
        except BaseException:
            # the others have not answered yet, and would be misunderstood next time
            self.__exit__()
            raise


class _Process:
    def __init__(self, executable: Path) -> None:
        self._executable = executable
        # open for as long as the process runs
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        command = [str(executable), "-I", "-S", "-W", "ignore", compile_sources.__file__]
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self._errors, encoding="utf-8")
        except OSError as error:
            self._errors.close()
            # not one of the cache, which it would be told as
            raise TargetError(f"the interpreter {executable} cannot be used: {error.strerror}") from error

    def ask(self, jobs: Sequence[Job], stamp: Stamp) -> None:
        """Hand over what is to be compiled."""
        assert self._process.stdin
        request = {"jobs": jobs, "reserve_below": INLINE_LIMIT, **stamp._asdict()}
        # one that has ended already tells why
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def answer(self) -> dict[str, Compiled]:
        """Return what was made of it."""
        assert self._process.stdout
        output = self._process.stdout.readline()
        try:
            answer = json.loads(output)
            made = {str(path): Compiled(int(size), str(digest)) for path, (size, digest) in answer["made"].items()}
            failed = answer["failed"]
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ReflinkError(
                f"{self._executable} cannot compile bytecode: {self._last_error()}; --no-compile-bytecode does without"
            ) from error
        if failed:
            raise OSError(*failed)
        return made

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            with suppress(OSError):
                stream.close()
        self._process.wait()
        self._errors.close()

    def _last_error(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["no reason given"])[-1]
