"""The tools on the PATH that make environments with virtualenv, and whether they would find our seeder."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.question import Question
from virtualenv_reflink.errors import TargetError

NAMES = ("virtualenv", "tox", "nox", "pre-commit", "hatch", "pdm", "poetry", "pyproject-build", "pipx")

# Run by the interpreter behind a tool, without the directory that it happens to be called in.
_QUESTION = """
import importlib.util, sys
sys.path[:] = [place for place in sys.path if place]
has = {name: importlib.util.find_spec(name) is not None for name in ("virtualenv", "virtualenv_reflink")}
answer = dict(has, prefix=sys.prefix, in_environment=sys.prefix != sys.base_prefix)
"""
_SECONDS = 10.0
_PYTHONS = ("python", "pypy", "graalpy")


class Tool(NamedTuple):
    """A tool on the PATH.

    ``uses_virtualenv`` and ``has_plugin`` tell what its interpreter can import, ``remedy`` is the command that
    brings the plugin there. Where there is ``trouble``, none of these is known.
    """

    name: str
    script: Path
    uses_virtualenv: bool = False
    has_plugin: bool = False
    remedy: str = ""
    trouble: str = ""


def tools_on_path(names: Sequence[str] = NAMES) -> list[Tool]:
    """Return what the PATH has of ``names``."""
    asked = [_PendingTool(name, Path(found)) for name in names if (found := shutil.which(name))]
    return [pending.tool() for pending in asked]


class _PendingTool:
    """The interpreter behind a tool, telling about itself while others do."""

    def __init__(self, name: str, script: Path) -> None:
        self._name, self._script = name, script
        self._question: Question | None = None
        self._trouble = "names no Python interpreter in its first line"
        try:
            self._python = interpreter_of(script)
            if self._python:
                # as the tool starts it, with variables and packages of the user
                self._question = Question(self._python, _QUESTION, options=())
        except (OSError, TargetError) as error:
            self._trouble = f"cannot be asked: {error}"

    def tool(self) -> Tool:
        """Wait for the answer."""
        if self._question is None:
            return Tool(self._name, self._script, trouble=self._trouble)
        try:
            told = self._question.answer(_SECONDS)
        except TargetError as error:
            return Tool(self._name, self._script, trouble=f"cannot be asked: {error}")
        remedy = _remedy(Path(told["prefix"]), str(self._python), in_environment=told["in_environment"])
        return Tool(self._name, self._script, told["virtualenv"], told["virtualenv_reflink"], remedy)


def interpreter_of(script: Path) -> Path | None:
    """Return the interpreter that a script names in its first lines, or None for what is no Python script."""
    with script.open("rb") as stream:
        head = stream.read(4096)
    if not head.startswith(b"#!"):
        return None
    first, _, rest = head[2:].decode("utf-8", "surrogateescape").partition("\n")
    try:
        words = _command(first, rest.partition("\n")[0])
    except ValueError:  # an odd number of quotation marks
        return None
    return Path(words[0]) if words and Path(words[0]).name.startswith(_PYTHONS) else None


def _command(first: str, second: str) -> list[str]:
    words = shlex.split(first)
    if words[:1] == ["/bin/sh"] and second.startswith("'''exec' "):
        # how installers write a path that is too long for the kernel, or has a space in it
        return shlex.split(second)[1:]
    if words and Path(words[0]).name == "env":
        return [found for word in words[1:] if not word.startswith("-") and (found := shutil.which(word))]
    return words


def _remedy(prefix: Path, python: str, *, in_environment: bool) -> str:
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx inject {prefix.name} virtualenv-reflink"
    if (prefix / "uv-receipt.toml").exists():
        return f"uv tool install {prefix.name} --with virtualenv-reflink"
    if in_environment:
        return f"virtualenv-reflink install -p {shlex.quote(str(prefix))} virtualenv-reflink"
    return f"{shlex.quote(python)} -m pip install virtualenv-reflink"
