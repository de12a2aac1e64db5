"""pip from the wheel cache, run for an environment that needs none, through its public command line only."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from virtualenv_reflink.errors import CacheLostError, ResolveError
from virtualenv_reflink.requirements.tool import run_tool

if TYPE_CHECKING:
    from virtualenv_reflink.cache.wheel_cache import WheelCache

_TROUBLE = re.compile(r"WARNING: Retrying|Could not fetch URL|Skipping page")
_NAMED_BY_VARIABLES = ("PIP_REQUIREMENT", "PIP_EDITABLE", "PIP_GROUP", "PIP_REQUIREMENTS_FROM_SCRIPT")
# where to install, and for what: a front that takes these says so with options, as far as it concerns pip
_FOR_FRONTS = (
    *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REPORT", "PIP_DRY_RUN", "PIP_REQUIRE_VIRTUALENV"),
    *("PIP_PLATFORM", "PIP_PYTHON_VERSION", "PIP_IMPLEMENTATION", "PIP_ABI"),
)

_CRASH = "ERROR: Exception:"


class PipLayer(Protocol):
    """The layer of the cache that holds pip."""

    def ready(self) -> Path:
        """Return its directory; it is made unless it is there and as it was made.

        :raises ReflinkError: when it cannot be made.
        """

    def is_lost(self) -> bool:
        """Return whether something in it was deleted since it was ready."""


class Pip:
    """Runs pip for one interpreter; again, where pip itself is deleted from the cache while it runs."""

    def __init__(self, cache: WheelCache, layer: PipLayer, python: Path, base_python: Path) -> None:
        """Take pip's layer in a cache, the interpreter to run pip for, and the one whose bytecode the layer has."""
        self._cache = cache
        self._layer = layer
        self._python = python
        self._base_python = base_python
        # several downloads may run at once
        self._lock = threading.Lock()

    def run(self, arguments: Sequence[str], on_line: Callable[[str], None]) -> None:
        """Run ``pip ARGUMENTS`` and hand each line that it prints to ``on_line``.

        :raises ResolveError: with pip's own explanation, when it fails.
        """
        self._run(arguments, on_line, ())

    def run_alone(self, arguments: Sequence[str], on_line: Callable[[str], None]) -> None:
        """Do as :meth:`run`, but leave out requirements that variables name.

        :raises ResolveError: with pip's own explanation, when it fails.
        """
        self._run(arguments, on_line, _NAMED_BY_VARIABLES)

    def _run(self, arguments: Sequence[str], on_line: Callable[[str], None], without: Collection[str]) -> None:
        words = ["--no-input", "--disable-pip-version-check", "--no-color", *arguments]
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
        environ = {name: value for name, value in environ.items() if name not in {*_FOR_FRONTS, *without}}
        status, said = self._cache.insist(lambda: self._attempt(words, environ, on_line))
        if status:
            raise ResolveError(f"pip {arguments[0]} failed:\n{explanation(said)}")

    def _attempt(
        self, words: Sequence[str], environ: Mapping[str, str], on_line: Callable[[str], None]
    ) -> tuple[int, list[str]]:
        with self._lock:
            directory = self._layer.ready()
        command = [str(self._base_python), f"{directory}/pip", "--python", str(self._python), *words]
        status, said = run_tool(command, environ, on_line)
        if status and self._layer.is_lost():
            raise CacheLostError("pip was deleted from the wheel cache while it ran; let nothing delete it")
        return status, said


def explanation(said: Sequence[str]) -> str:
    """Return what of pip's output tells why it failed: the last trouble with a server, and all from the first error."""
    if _CRASH in said:
        return f"pip has an error of its own with these requirements ({_last_line(said)})"
    first = next((number for number, line in enumerate(said) if line.lstrip().lower().startswith("error")), len(said))
    trouble = [line for line in said[:first] if _TROUBLE.search(line)]
    return "\n".join([*trouble[-1:], *said[first:]] or said[-5:])


def _last_line(said: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(said) if line.strip()), "")
