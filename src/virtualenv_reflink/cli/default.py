"""``virtualenv-reflink default``: make reflink the seeder of every tool that calls virtualenv, or no longer."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from virtualenv_reflink.cli.extras import require
from virtualenv_reflink.cli.parser import command_parser
from virtualenv_reflink.errors import IniError
from virtualenv_reflink.integrations.tools import Tool, tools_on_path
from virtualenv_reflink.integrations.virtualenv.ini import SECTION, VirtualenvIni, ini_path
from virtualenv_reflink.options import LINK_MODE, link_mode

SEEDER = "reflink"
# virtualenv looks for options in its file as it does in the environment: with an underscore
_LINK_MODE = "link_mode"
_OVERRIDING = ("VIRTUALENV_SEEDER", "VIRTUALENV_LINK_MODE")


def run(arguments: Sequence[str]) -> int:
    """Run the subcommand."""
    options = _parser().parse_args(arguments)
    if options.action != "status":
        require("configupdater", extra="default", command=f"virtualenv-reflink default {options.action}")
    ini = VirtualenvIni(ini_path())
    if options.action == "on":
        _switch_on(ini, options.link_mode)
    elif options.action == "off":
        _switch_off(ini)
    else:
        _tell_status(ini)
    return 0


def _switch_on(ini: VirtualenvIni, link_mode: str | None) -> None:
    present = ini.get("seeder")
    if present not in (None, SEEDER):
        raise IniError(f"{ini.path} sets seeder = {present} already; remove that line if you want reflink in its place")
    ini.change({"seeder": SEEDER, **({_LINK_MODE: link_mode} if link_mode else {})})
    print(_state(ini))
    _tell_overriding()
    for tool in tools_on_path():
        if _would_fail(tool):
            trouble = "has no virtualenv-reflink beside its virtualenv, which fails from now on"
            print(f"warning: {tool.name} ({tool.script}) {trouble}; run: {tool.remedy}", file=sys.stderr)


def _switch_off(ini: VirtualenvIni) -> None:
    if ini.get("seeder") == SEEDER:
        ini.change({"seeder": None, _LINK_MODE: None})
    print(_state(ini))
    _tell_overriding()


def _tell_status(ini: VirtualenvIni) -> None:
    print(_state(ini))
    _tell_overriding()
    tools = tools_on_path()
    width = max((len(tool.name) for tool in tools), default=0)
    for tool in tools:
        print(f"  {tool.name:{width}}  {_told(tool)}  ({tool.script})")


def _state(ini: VirtualenvIni) -> str:
    present, link_mode = ini.get("seeder"), ini.get(_LINK_MODE)
    if present == SEEDER:
        return f"on: {ini.path} sets seeder = {SEEDER}" + (f", {_LINK_MODE} = {link_mode}" if link_mode else "")
    if present is not None:
        return f"off: {ini.path} sets seeder = {present}"
    return f"off: {ini.path} " + (f"sets no seeder in [{SECTION}]" if ini.path.exists() else "does not exist")


def _tell_overriding() -> None:
    for name in _OVERRIDING:
        if value := os.environ.get(name):
            print(f"overridden by the environment: {name}={value}")


def _would_fail(tool: Tool) -> bool:
    return tool.uses_virtualenv and not tool.has_plugin


def _told(tool: Tool) -> str:
    if tool.name == "pipx":
        return "uses no virtualenv: call pipx-reflink in its place"
    if tool.trouble:
        return tool.trouble
    if not tool.uses_virtualenv:
        return "has no virtualenv, and makes environments in another way"
    return "has virtualenv-reflink" if tool.has_plugin else f"lacks virtualenv-reflink: {tool.remedy}"


def _parser() -> ArgumentParser:
    parser = command_parser("default", __doc__)
    parser.add_argument(
        "action",
        choices=("on", "off", "status"),
        help="write seeder = reflink to your virtualenv.ini, remove it, or tell how things are",
    )
    parser.add_argument(
        LINK_MODE.flag, metavar=LINK_MODE.metavar, type=link_mode, help="with on: also write this link mode"
    )
    return parser
