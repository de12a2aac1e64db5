"""The one place that knows pipx's internals: the commands that its pip backend runs.

pipx has no hook for backends. Its pip backend and its shared libraries call ``python -m venv`` and ``python -m pip
install`` through one function; in its place stands one here, which has ``virtualenv-reflink`` do the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import dropwhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from virtualenv_reflink.errors import PipxError, TargetError

SUPPORTED = ">=1.12,<1.19"
CALLERS = ("pipx.backends.pip", "pipx.shared_libs")
FUNCTION = "run_subprocess"

_VENV = ["-m", "venv"]
# pipx calls pip with this word; without it, it is the user who does, through `pipx runpip`
_PIP = ["-m", "pip", "--no-input"]
_OURS = [sys.executable, "-m", "virtualenv_reflink"]
_RENAMED = {"--no-dependencies": "--no-deps"}
_USAGE_ERROR = 2

Runner = Callable[..., "subprocess.CompletedProcess[str]"]


def take_over() -> None:
    """Have pipx's pip backend make environments and install packages with virtualenv-reflink.

    :raises PipxError: when the installed pipx is not as expected.
    """
    for name in CALLERS:
        module = import_module(name)
        if not hasattr(module, FUNCTION):
            raise PipxError(f"{name} of this pipx lacks {FUNCTION}; install another pipx{SUPPORTED}, or use plain pipx")
        setattr(module, FUNCTION, _instead_of(getattr(module, FUNCTION)))


def _instead_of(run: Runner) -> Runner:
    def run_ours(cmd: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in cmd]
        if words[1:-1] == [*_VENV, "--without-pip"] and _is_base_of_this(words[0]):
            return _bare_environment(words)
        ours = translated(words)
        if ours is None:
            return run(cmd, **options)
        # a wheel of pip that pipx means to be imported is nothing for us
        options_of_ours = {name: value for name, value in options.items() if name != "env_overrides"}
        with TemporaryDirectory(prefix="pipx-reflink-") as directory:
            outcome = Path(directory) / "outcome.json"
            done = run([*ours, "--outcome", str(outcome)], **options_of_ours)
            _tell_fallbacks(outcome)
        if done.returncode == _USAGE_ERROR:
            reason = (done.stderr or "").strip().rpartition("\n")[2]
            print(f"via=pip: {reason}", file=sys.stderr)
            return run(cmd, **options)
        return done

    return run_ours


def _tell_fallbacks(path: Path) -> None:
    """Tell of each environment whose files came in another way than asked for; the command may have written nothing."""
    if not path.exists():
        return
    for outcome in json.loads(path.read_text(encoding="utf-8")):
        if outcome["reasons"]:
            print(f"via={outcome['mode']}: {', '.join(outcome['reasons'])}", file=sys.stderr)


def translated(command: Sequence[str]) -> list[str] | None:
    """Return the command of virtualenv-reflink that does the same, or None for one that it has no part in."""
    python, words = command[0], list(command[1:])
    if words[:2] == _VENV and "--without-pip" not in words:
        return [*_OURS, "venv", "--python", python, *words[2:]]
    if words[:3] == _PIP:
        rest = list(dropwhile(lambda word: word.startswith("--"), words[3:]))
        if rest[:1] == ["install"]:
            arguments = [_RENAMED.get(word, word) for word in rest[1:] if not word.startswith("--progress-bar")]
            return [*_OURS, "install", *arguments, "--python", python]
    return None


def _is_base_of_this(python: str) -> bool:
    return os.path.realpath(python) == os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _bare_environment(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Make an environment with nothing in it within this process, which takes a quarter of the time."""
    from virtualenv_reflink.integrations.stdlib_venv import create_bare

    try:
        create_bare(command[-1])
    except TargetError as error:
        return subprocess.CompletedProcess(command, 1, "", f"{error}\n")
    return subprocess.CompletedProcess(command, 0, "", "")
