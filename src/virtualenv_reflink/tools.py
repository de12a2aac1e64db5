"""The tools on the PATH that make environments with virtualenv, and whether they would find our seeder."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

NAMES = ("virtualenv", "tox", "nox", "pre-commit", "hatch", "pdm", "poetry", "pyproject-build", "pipx")

# Run by the interpreter behind a tool, without the directory that it happens to be called in.
_QUESTION = """
import importlib.util, json, sys
sys.path[:] = [place for place in sys.path if place]
has = {name: importlib.util.find_spec(name) is not None for name in ("virtualenv", "virtualenv_reflink")}
print(json.dumps(dict(has, prefix=sys.prefix, in_environment=sys.prefix != sys.base_prefix)))
"""
_SECONDS = 10.0


class Tool(NamedTuple):
    """A tool on the PATH.

    ``python`` is the interpreter that runs it, None for what is no Python script; ``uses_virtualenv`` and
    ``has_plugin`` tell what that can import; ``remedy`` is the command that brings the plugin to it.
    """

    name: str
    script: Path
    python: Path | None = None
    uses_virtualenv: bool = False
    has_plugin: bool = False
    remedy: str = ""


def tools_on_path(names: Sequence[str] = NAMES) -> list[Tool]:
    """Return what the PATH has of ``names``."""
    scripts = {name: Path(found) for name in names if (found := shutil.which(name))}
    asked = [(name, script, _ask(script)) for name, script in scripts.items()]
    return [_tool(name, script, asking) for name, script, asking in asked]


def _ask(script: Path) -> tuple[Path, subprocess.Popen[str]] | None:
    python = interpreter_of(script)
    if python is None:
        return None
    try:
        process = subprocess.Popen(
            [str(python), "-c", _QUESTION], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError:
        return None
    return python, process


def _tool(name: str, script: Path, asking: tuple[Path, subprocess.Popen[str]] | None) -> Tool:
    if asking is None:
        return Tool(name, script)
    python, process = asking
    try:
        told = json.loads(process.communicate(timeout=_SECONDS)[0])
    except (ValueError, subprocess.TimeoutExpired):
        process.kill()
        return Tool(name, script)
    remedy = _remedy(Path(told["prefix"]), python, in_environment=told["in_environment"])
    return Tool(name, script, python, told["virtualenv"], told["virtualenv_reflink"], remedy)


def interpreter_of(script: Path) -> Path | None:
    """Return the interpreter that a script names in its first lines, or None for what is no Python script."""
    with script.open("rb") as stream:
        head = stream.read(4096)
    if not head.startswith(b"#!"):
        return None
    first, _, rest = head[2:].decode("utf-8", "surrogateescape").partition("\n")
    words = shlex.split(first)
    if words[:1] == ["/bin/sh"] and rest.startswith("'''exec' "):
        # how installers write a path that is too long for the kernel, or has a space in it
        words = shlex.split(rest.partition("\n")[0])[1:]
    elif words and Path(words[0]).name == "env":
        words = [found for word in words[1:] if not word.startswith("-") and (found := shutil.which(word))]
    if not words or not Path(words[0]).name.startswith(("python", "pypy", "graalpy")):
        return None
    return Path(words[0])


def _remedy(prefix: Path, python: Path, *, in_environment: bool) -> str:
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx inject {prefix.name} virtualenv-reflink"
    if (prefix / "uv-receipt.toml").exists():
        return f"uv tool install {prefix.name} --with virtualenv-reflink"
    if in_environment:
        return f"virtualenv-reflink install -p {shlex.quote(str(prefix))} virtualenv-reflink"
    return f"{shlex.quote(str(python))} -m pip install virtualenv-reflink"
