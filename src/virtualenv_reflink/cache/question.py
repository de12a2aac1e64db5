"""Ask a Python interpreter something, whatever else it prints."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from virtualenv_reflink.errors import TargetError

SECONDS = 60.0
ISOLATED = ("-I",)

# Only what stands between two marks is the answer: .pth files and sitecustomize may print as well. It is ASCII whatever
# it tells, and does not go through sys.stdout, which they may have replaced. Understood by Python 2.7 and 3.6.
_MARK = "\x1evirtualenv-reflink\x1e"
_FRAME = """{code}
import json, os, sys
rest = ({mark!r} + json.dumps(answer) + {mark!r}).encode("ascii")
while rest:
    rest = rest[os.write(1, rest):]
"""


class Question:
    """A question that an interpreter answers while this process goes on."""

    def __init__(self, executable: Path, code: str, options: Sequence[str] = ISOLATED) -> None:
        """Have ``executable``, started with ``options``, run ``code``, which leaves the ``answer`` in that variable.

        :raises TargetError: when it does not start.
        """
        self._executable = executable
        command = [str(executable), *options, "-c", _FRAME.format(code=code, mark=_MARK)]
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error

    def answer(self, seconds: float = SECONDS) -> Any:
        """Wait for the answer.

        :raises TargetError: when there is none within ``seconds``.
        """
        try:
            output, errors = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise self._error(f"it gives no answer within {seconds:g} seconds") from error
        finally:
            self._end()
        _, mark, rest = output.decode("ascii", "replace").partition(_MARK)
        answer, end, _ = rest.partition(_MARK)
        if not mark or not end:
            raise self._error(_last_line(errors) or self._how_it_ended())
        return json.loads(answer)

    def _end(self) -> None:
        """Let go of the interpreter, also of pipes that a process started by it may hold open."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def _how_it_ended(self) -> str:
        status = self._process.returncode
        if status < 0:
            return f"it was ended by signal {-status}"
        return f"it exits with status {status}" if status else "it does not answer"

    def _error(self, reason: str) -> TargetError:
        return TargetError(f"{self._executable} is not a Python interpreter that runs: {reason}")


def _last_line(errors: bytes) -> str:
    lines = errors.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
