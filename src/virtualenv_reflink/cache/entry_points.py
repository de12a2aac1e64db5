"""The scripts that a wheel's entry_points.txt asks for, read as pip reads it: with importlib.metadata."""

from __future__ import annotations

import os
import re
from importlib.metadata import Distribution
from pathlib import Path
from typing import TYPE_CHECKING, cast

from installer.scripts import Script

from virtualenv_reflink.cache.manifest import EntryPoint
from virtualenv_reflink.cache.names import is_plain_name
from virtualenv_reflink.errors import BadWheelError

if TYPE_CHECKING:
    from installer.scripts import ScriptSection

# module:function [extras], see the entry points specification; what the parts may be is looked at by themselves
_REFERENCE = re.compile(r"(?P<module>[^:\[\]]+)(:(?P<attr>[^:\[\]]+))?(\[.*\])?")


def script_entry_points(text: str, wheel: str) -> list[EntryPoint]:
    """Return the scripts to generate; of two with the same name the last one, and a GUI script before any other.

    :raises BadWheelError: naming ``wheel``, when one cannot be generated or is not a plain file name.
    """
    found: dict[str, EntryPoint] = {}
    try:
        declared = [(each.group, each.name, each.value) for each in _EntryPointsOnly(text).entry_points]
    except (ValueError, AttributeError, TypeError) as error:
        trouble = "its entry_points.txt has a line that is neither a section nor name = value"
        raise BadWheelError(wheel, trouble) from error
    for section in ("console", "gui"):
        for group, name, value in declared:
            if group == f"{section}_scripts":
                found[name] = _entry_point(name, value or "", section, wheel)
    return list(found.values())


def _entry_point(name: str, value: str, section: str, wheel: str) -> EntryPoint:
    if not is_plain_name(name):
        raise BadWheelError(wheel, f"its entry point {name!r} is not a plain file name")
    match = _REFERENCE.fullmatch(value.strip())
    module, attr = (match["module"], match["attr"]) if match else ("", None)
    if match and attr is None:
        raise BadWheelError(wheel, f"its entry_points.txt has {f'{name} = {value}'!r}, which names no function")
    module, attr = module.strip(), (attr or "").strip()
    if not (_is_dotted(module) and _is_dotted(attr)):
        raise BadWheelError(wheel, f"its entry_points.txt has {f'{name} = {value}'!r}, which is not module:function")
    _, script = Script(name, module, attr, cast("ScriptSection", section)).generate("python", "posix")
    return EntryPoint(name, module, attr, section, script.decode("utf-8").partition("\n")[2])


def _is_dotted(name: str) -> bool:
    """Return whether ``name`` is identifiers with dots between, or what importlib.metadata takes for that."""
    return all(part.isidentifier() or re.fullmatch(r"\w+", part) for part in name.split("."))


class _EntryPointsOnly(Distribution):
    """A distribution of which nothing is known but its entry points."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "entry_points.txt" else None

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        raise FileNotFoundError(path)
