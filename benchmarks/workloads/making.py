"""Environments with a package set in them, made in many ways."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.processes import Command, at_once
from benchmarks.rounds import Candidate
from benchmarks.setting import Maker, Setting, delete, with_caches_in
from benchmarks.workloads.workload import Candidates, anew

_UV_MODES = {"btrfs": ["clone", "hardlink", "default"], "xfs": ["clone", "hardlink"], "ext4": ["hardlink", "copy"]}
_SHARING_PEERS = ("clone", "hardlink")
_AT_ONCE = 20


def environment(name: str) -> Callable[[Setting], Candidates]:
    """An environment with a package set, everything warm; names say how files reach it, and which have no bytecode."""

    def candidates(setting: Setting) -> Candidates:
        commands = _uvs(name, setting, _UV_MODES[setting.filesystem])
        alone = "clone" if setting.clones else "copy"
        commands[f"ours, {alone}, no bytecode"] = setting.ours(name, alone, "--no-compile-bytecode")
        modes = {"btrfs": ["default", "clone", "snapshot"], "xfs": ["clone"], "ext4": ["copy"]}[setting.filesystem]
        commands |= {f"ours, {mode}": setting.ours(name, mode) for mode in modes}
        if setting.clones:
            tree = setting.reference(name, "--no-compile-bytecode")
            commands["cp -a --reflink=always, no bytecode"] = setting.copied(tree)
            if setting.has_limit:
                commands["limit, no bytecode"] = setting.limit(tree)
                commands["limit"] = setting.limit(setting.reference(name))
        return anew(setting, commands)

    return candidates


def layer(setting: Setting) -> Candidates:
    """The environment of 139 packages as a layer."""
    return anew(setting, {**_uvs("139", setting, _SHARING_PEERS), "ours, layer": setting.ours("139", "layer")})


def hardlink(setting: Setting) -> Candidates:
    """The environment of 139 packages as hard links."""
    commands = _uvs("139", setting, _SHARING_PEERS)
    commands["ours, hardlink, no bytecode"] = setting.ours("139", "hardlink", "--no-compile-bytecode")
    commands["ours, hardlink"] = setting.ours("139", "hardlink")
    return anew(setting, commands)


def _uvs(name: str, setting: Setting, modes: Sequence[str]) -> dict[str, list[Command]]:
    possible = [mode for mode in modes if setting.uv and (setting.clones or mode != "clone")]
    return {f"uv, {mode}, no bytecode": setting.uvs(name, mode) for mode in possible}


def bytecode(setting: Setting) -> Candidates:
    """What takes long: the candidates that copy or compile at every installation."""
    commands: dict[str, list[Command]] = {"pip": setting.pips("139")}
    if setting.uv:
        commands["uv, clone, --compile-bytecode"] = setting.uvs("139", "clone", "--compile-bytecode")
        commands["uv, copy, no bytecode"] = setting.uvs("139", "copy")
    commands["ours, clone"] = setting.ours("139", "clone")
    commands["ours, copy"] = setting.ours("139", "copy")
    return anew(setting, commands)


def install(setting: Setting) -> Candidates:
    """139 packages into an environment that exists, without bytecode: from a lock, and from what is remembered."""
    ours = [sys.executable, "-m", "virtualenv_reflink", "install", "-q", "-p", setting.python(), "--link-mode", "clone"]
    ours.append("--no-compile-bytecode")
    requirements = [*setting.packages.sources, "-r", str(setting.packages.requirements("139"))]
    commands: dict[str, Command] = {"uv pip install, clone": setting.uv_fill("139", "clone")} if setting.uv else {}
    commands["install --lock, clone"] = [*ours, "--lock", setting.packages.lock("139")]
    commands["install -r, clone, remembered"] = [*ours, *requirements]
    return {name: setting.into_bare([command]) for name, command in commands.items()}


def clear(setting: Setting) -> Candidates:
    """The environment of 139 packages once more, over itself."""
    modes = [mode for mode in setting.link_modes if mode != "hardlink"]
    commands = {f"ours, {mode}, --clear": setting.ours("139", mode, "--clear") for mode in modes}
    if setting.uv:
        uv = {}
        for mode in ("clone", "hardlink"):
            make, fill = setting.uvs("139", mode)
            uv[f"uv, {mode}, --clear, no bytecode"] = [[*make, "--clear"], fill]
        commands = {**uv, **commands}

    def candidate(again: Sequence[Command]) -> Candidate:
        def prepare() -> None:
            delete(setting.environment)
            setting.make(again)

        return Candidate(again, prepare)

    return {name: candidate(again) for name, again in commands.items()}


def twenty(setting: Setting) -> Candidates:
    """Twenty environments of one project at once, as tox makes them."""
    targets = [setting.place / "twenty" / str(number) for number in range(_AT_ONCE)]
    makers: dict[str, Maker] = {}
    if setting.uv:
        for mode in ("clone", "hardlink"):
            makers[f"uv, {mode}, no bytecode"] = setting.uv_maker("10", mode)
    for mode in ("clone", *setting.constant_time_modes):
        makers[f"ours, {mode}"] = setting.our_maker("10", mode)

    def prepare() -> None:
        delete(setting.place / "twenty")

    return {name: Candidate([at_once([make(target) for target in targets])], prepare) for name, make in makers.items()}


def cold(setting: Setting) -> Candidates:
    """139 packages with an empty cache: unpacking and, where there is bytecode, compiling included.

    Wheels are inflated by zlib unless the name of a candidate says isal.
    """
    caches = setting.place / "cold"
    words = with_caches_in(caches, setting)
    commands: dict[str, list[Command]] = {}
    if setting.uv:
        commands["uv, clone, no bytecode"] = setting.uvs("139", "clone")
        commands["uv, clone, --compile-bytecode"] = setting.uvs("139", "clone", "--compile-bytecode")
    without_isal = [f"PYTHONPATH={_without_isal(setting)}"]
    for name, options in (("ours, clone, no bytecode", ["--no-compile-bytecode"]), ("ours, clone", [])):
        ours = setting.ours("139", "clone", *options)
        commands[name] = [[*without_isal, *command] for command in ours]
        if find_spec("isal"):
            commands[f"{name}, isal"] = ours

    def prepare() -> None:
        delete(setting.environment)
        delete(caches)

    return {name: Candidate([[*words, *each] for each in made], prepare) for name, made in commands.items()}


def _without_isal(setting: Setting) -> Path:
    """Return a directory that hides python-isal from interpreters that look there first."""
    directory = setting.place / "without-isal"
    directory.mkdir(exist_ok=True)
    (directory / "isal.py").write_text("raise ImportError\n")
    return directory


def growth(setting: Setting) -> Candidates:
    """Environments of 10, 139 and 400 packages in the modes whose time is to stay the same, and by default."""
    modes = ["default", *setting.constant_time_modes]
    return anew(
        setting, {f"ours, {mode}, {name}": setting.ours(name, mode) for mode in modes for name in ("10", "139", "400")}
    )
