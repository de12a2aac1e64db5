"""The scripts of a wheel, made for one environment."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from virtualenv_reflink.cache.manifest import EntryPoint, Tree, UnpackedWheel
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.shebang import shebang

Aliases = Mapping[str, str]
"""Further names of scripts, and the scripts they name."""


def aliases_of_seeds(version: tuple[int, int, int]) -> Aliases:
    """Return the names that scripts of seeds have from virtualenv and not from their wheels."""
    return {f"pip-{version[0]}.{version[1]}": "pip"}


def entry_point_scripts(
    wheel: UnpackedWheel, environment: Environment, aliases: Aliases
) -> Iterator[tuple[str, bytes]]:
    """Yield the file name and content of the script of each entry point."""
    for entry_point in _entry_points(wheel, environment.version, aliases):
        if os.name == "nt":
            yield _launcher(entry_point, environment)
        else:
            yield entry_point.name, shebang(str(environment.executable)) + entry_point.code.encode("utf-8")


def _launcher(entry_point: EntryPoint, environment: Environment) -> tuple[str, bytes]:
    # The code that other systems need was generated when the wheel was unpacked, so that they never import this.
    from installer.scripts import Script
    from installer.utils import get_launcher_kind

    name, module, attr, section, _ = entry_point
    script = Script(name, module, attr, section)  # type: ignore[arg-type]
    return script.generate(str(environment.executable), get_launcher_kind())


def rewritten_scripts(wheel: UnpackedWheel, environment: Environment) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each script that asks for the environment's interpreter with ``#!python``."""
    first_line = shebang(str(environment.executable))
    for name in wheel.metadata.rewritten_scripts:
        _, _, body = Path(wheel.tree.root, "scripts", name).read_bytes().partition(b"\n")
        yield name, first_line + body


def rewritten_bytecode(
    wheel: UnpackedWheel, bytecode: Tree, scripts: Iterable[tuple[str, bytes]]
) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of the bytecode of those rewritten ``scripts`` that are modules too.

    A new first line changes no code, only the source's size that bytecode is checked against (PEP 552).
    """
    compiled = {_source_of(path): path for path, _ in bytecode.files("scripts")}
    for name, content in scripts:
        if name in compiled and wheel.tree.mtime_ns is not None:
            made = Path(bytecode.root, "scripts", compiled[name]).read_bytes()
            mtime = wheel.tree.mtime_ns // 1_000_000_000
            yield compiled[name], made[:8] + struct.pack("<LL", mtime & 0xFFFFFFFF, len(content)) + made[16:]


def _source_of(bytecode: str) -> str:
    """Return the source that bytecode belongs to (PEP 3147), whose own name may have dots too."""
    directory, _, name = bytecode.rpartition("__pycache__/")
    return f"{directory}{name.rsplit('.', 2)[0]}.py"


def _entry_points(wheel: UnpackedWheel, version: tuple[int, int, int], aliases: Aliases) -> Iterator[EntryPoint]:
    """Yield the entry points; pip's own are named after the target's version, whatever its wheel was built with."""
    named = {entry_point.name: entry_point for entry_point in wheel.metadata.entry_points}
    if wheel.metadata.distribution == "pip" and (pip := named.get("pip")):
        baked = [name for name in named if name.startswith("pip") and name[3:].replace(".", "").isdigit()]
        for name in baked:
            del named[name]
        for name in (f"pip{version[0]}", f"pip{version[0]}.{version[1]}"):
            named[name] = pip._replace(name=name)
    for alias, name in aliases.items():
        if name in named:
            named[alias] = named[name]._replace(name=alias)
    yield from named.values()
