"""What is timed: each workload gives its candidates on one filesystem, the baseline first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.processes import Command, at_once
from benchmarks.rounds import Candidate
from benchmarks.setting import REFLINKS, Maker, Setting, delete

Candidates = dict[str, Candidate]

EVERYWHERE = ("btrfs", "xfs", "ext4")
IMPORTS = "numpy pandas scipy.stats matplotlib.pyplot sklearn.ensemble sqlalchemy django.db fastapi botocore.session"
FIRST_RUN = f"import {', '.join([*IMPORTS.split(), 'sympy', 'polars', 'pyarrow'])}"
COLLECTED = "sklearn.tree"
AT_ONCE = 20


class Workload(NamedTuple):
    """``sets`` are the package sets it needs; ``slowness`` divides its rounds, which follow ``warming`` others."""

    title: str
    candidates: Callable[[Setting], Candidates]
    sets: tuple[str, ...] = ()
    filesystems: tuple[str, ...] = EVERYWHERE
    quick: tuple[str, ...] = ()
    slowness: int = 1
    warming: int = 1

    def rounds(self, wanted: int) -> int:
        """Return how many rounds it gets."""
        return max(1, wanted // self.slowness)


def seeds(setting: Setting) -> Candidates:
    """An environment with its seeds, by virtualenv."""
    tool = [str(Path(sys.executable).with_name("virtualenv")), "--quiet", "--no-periodic-update"]
    options = {"virtualenv --no-seed": ["--no-seed"], "virtualenv": ["--seeder", "app-data"]}
    modes = ["clone" if setting.clones else "copy", *setting.constant_time_modes]
    options |= {f"virtualenv --seeder reflink, {mode}": ["--seeder", "reflink", "--link-mode", mode] for mode in modes}
    return {name: setting.anew([[*tool, *words, setting.environment]]) for name, words in options.items()}


def venv(setting: Setting) -> Candidates:
    """An environment with pip, by the standard library's interface."""
    ours = [sys.executable, "-m", "virtualenv_reflink", "venv", "-q"]
    commands: dict[str, Command] = {
        "python -m venv": [sys.executable, "-m", "venv", setting.environment],
        "python -m venv --without-pip": setting.bare_venv,
    }
    for mode in ["clone" if setting.clones else "copy", *setting.constant_time_modes]:
        commands[f"python -m virtualenv_reflink venv, {mode}"] = [*ours, "--link-mode", mode, setting.environment]
    if setting.uv:
        commands["uv venv, no pip"] = [setting.uv, "venv", "-q", "--offline", "-p", sys.executable, setting.environment]
    return {name: setting.anew([command]) for name, command in commands.items()}


def environment(name: str) -> Callable[[Setting], Candidates]:
    """An environment with a package set, everything warm; names say how files reach it, and which have no bytecode."""

    def candidates(setting: Setting) -> Candidates:
        commands: dict[str, list[Command]] = {}
        if setting.uv:
            modes = ["clone", "hardlink"] if setting.clones else ["hardlink", "copy"]
            commands = {f"uv, {mode}, no bytecode": setting.uvs(name, mode) for mode in modes}
        if setting.clones:
            commands["ours, clone, no bytecode"] = setting.ours(name, "clone", "--no-compile-bytecode")
        commands |= {f"ours, {mode}": setting.ours(name, mode) for mode in setting.link_modes}
        if setting.clones:
            tree = setting.reference(name, "--no-compile-bytecode")
            commands["cp -a --reflink=always, no bytecode"] = setting.copied(tree)
            if setting.has_limit:
                commands["limit, no bytecode"] = setting.limit(tree)
                commands["limit"] = setting.limit(setting.reference(name))
        return _anew(setting, commands)

    return candidates


def bytecode(setting: Setting) -> Candidates:
    """What takes long: the candidates that copy or compile at every installation."""
    commands: dict[str, list[Command]] = {"pip": setting.pips("139")}
    if setting.uv:
        for mode in ("clone", "hardlink", "copy"):
            commands[f"uv, {mode}, --compile-bytecode"] = setting.uvs("139", mode, "--compile-bytecode")
        commands["uv, copy, no bytecode"] = setting.uvs("139", "copy")
    commands["ours, clone"] = setting.ours("139", "clone")
    commands["ours, copy"] = setting.ours("139", "copy")
    return _anew(setting, commands)


def install(setting: Setting) -> Candidates:
    """139 packages into an environment that exists, without bytecode: from a lock, and from what is remembered."""
    ours = [sys.executable, "-m", "virtualenv_reflink", "install", "-q", "-p", setting.python(), "--link-mode", "clone"]
    ours.append("--no-compile-bytecode")
    requirements = [*setting.packages.sources, "-r", str(setting.packages.requirements("139"))]
    commands: dict[str, Command] = {"uv pip install, clone": setting.uv_fill("139", "clone")} if setting.uv else {}
    commands["install --lock, clone"] = [*ours, "--lock", setting.packages.lock("139")]
    commands["install -r, clone, remembered"] = [*ours, *requirements]
    return {name: setting.into_bare([command]) for name, command in commands.items()}


def resolve(setting: Setting) -> Candidates:
    """What pip takes to resolve 139 packages, and what we take to make the environment of what is remembered."""
    requirements = [*setting.packages.sources, "-r", str(setting.packages.requirements("139"))]
    pip = [sys.executable, "-m", "pip", "--python", setting.python(), "install", "-q", "--dry-run", *requirements]
    ours = [sys.executable, "-m", "virtualenv_reflink", "venv", "-q", "--without-pip"]
    remembered = ["--with-requirements", str(setting.packages.requirements("139"))]
    environ = ["PIP_NO_INDEX=1", f"PIP_FIND_LINKS={setting.packages.wheels}"]
    candidates = {"pip resolves, installs nothing": setting.into_bare([pip])}
    for mode in ["clone", *setting.constant_time_modes]:
        command = ["env", *environ, *ours, "--link-mode", mode, *remembered, str(setting.environment)]
        candidates[f"ours, {mode}, remembered"] = setting.anew([command])
    return candidates


def clear(setting: Setting) -> Candidates:
    """The environment of 139 packages once more, over itself."""
    commands = {f"ours, {mode}, --clear": setting.ours("139", mode, "--clear") for mode in setting.link_modes}
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


def first_run(setting: Setting) -> Candidates:
    """From nothing to the first result: an environment of 139 packages, and a program that imports a dozen of them."""
    return _and_then(setting, [setting.python(), "-c", FIRST_RUN])


def collect(setting: Setting) -> Candidates:
    """From nothing to the tests of one library, collected by pytest."""
    return _and_then(
        setting,
        [setting.python(), "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "--pyargs", COLLECTED],
    )


def _and_then(setting: Setting, program: Command) -> Candidates:
    commands: dict[str, list[Command]] = {}
    if setting.uv:
        commands["uv, clone"] = setting.uvs("139", "clone")
        commands["uv, clone, --compile-bytecode"] = setting.uvs("139", "clone", "--compile-bytecode")
    commands |= {f"ours, {mode}": setting.ours("139", mode) for mode in ("clone", *setting.constant_time_modes)}
    return _anew(setting, {name: [*make, program] for name, make in commands.items()})


def twenty(setting: Setting) -> Candidates:
    """Twenty environments of one project at once, as tox makes them."""
    targets = [setting.place / "twenty" / str(number) for number in range(AT_ONCE)]
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
    """139 packages with an empty cache: unpacking and, where there is bytecode, compiling included."""
    caches = setting.place / "cold"
    environ = setting.environ_with_caches(caches)
    words = ["env", *(f"{name}={value}" for name, value in environ.items() if value.startswith(str(caches)))]
    commands: dict[str, list[Command]] = {}
    if setting.uv:
        commands["uv, clone, no bytecode"] = setting.uvs("139", "clone")
        commands["uv, clone, --compile-bytecode"] = setting.uvs("139", "clone", "--compile-bytecode")
    commands["ours, clone, no bytecode"] = setting.ours("139", "clone", "--no-compile-bytecode")
    commands |= {f"ours, {mode}": setting.ours("139", mode) for mode in ("clone", *setting.constant_time_modes)}

    def prepare() -> None:
        delete(setting.environment)
        delete(caches)

    return {name: Candidate([[*words, *each] for each in made], prepare) for name, made in commands.items()}


def deletion(setting: Setting) -> Candidates:
    """``rm -rf`` of an environment of 139 packages."""
    makers = {f"ours, {mode}": setting.ours("139", mode) for mode in setting.link_modes}
    if setting.uv:
        makers = {"uv, clone, no bytecode": setting.uvs("139", "clone"), **makers}

    def candidate(make: Sequence[Command]) -> Candidate:
        return Candidate([["rm", "-rf", setting.environment]], lambda: setting.make(make))

    return {name: candidate(make) for name, make in makers.items()}


def growth(setting: Setting) -> Candidates:
    """Environments of 10, 139 and 400 packages in the modes whose time is to stay the same."""
    modes = setting.constant_time_modes
    return _anew(
        setting, {f"ours, {mode}, {name}": setting.ours(name, mode) for mode in modes for name in ("10", "139", "400")}
    )


def _anew(setting: Setting, commands: dict[str, list[Command]]) -> Candidates:
    return {name: setting.anew(each) for name, each in commands.items()}


WORKLOADS: dict[str, Workload] = {
    "seeds": Workload("An environment with its seeds", seeds, quick=EVERYWHERE),
    "venv": Workload("An environment with pip", venv, quick=("btrfs",)),
    "environment-10": Workload("An environment of 10 packages", environment("10"), ("10",), quick=EVERYWHERE),
    "environment-139": Workload("An environment of 139 packages", environment("139"), ("139",), quick=("btrfs",)),
    "environment-400": Workload("An environment of 400 packages", environment("400"), ("400",), ("btrfs",), slowness=7),
    "growth": Workload("Time against size", growth, ("10", "139", "400"), ("btrfs",)),
    "install": Workload("139 packages into an environment", install, ("139",), REFLINKS, slowness=2),
    "resolve": Workload(
        "The environment of 139 packages, from requirements", resolve, ("139",), ("btrfs",), slowness=3
    ),
    "first-run": Workload("139 packages, to the first result", first_run, ("139",), ("btrfs",), ("btrfs",), slowness=3),
    "collect": Workload("139 packages, to collected tests", collect, ("139",), ("btrfs",), slowness=7),
    "bytecode": Workload("139 packages, copied or compiled", bytecode, ("139",), ("btrfs",), slowness=7),
    "clear": Workload("139 packages over themselves", clear, ("139",), ("btrfs",), slowness=2),
    "twenty": Workload(
        "Twenty environments of 10 packages at once", twenty, ("10",), ("btrfs",), ("btrfs",), slowness=2
    ),
    "cold": Workload("139 packages, cold cache", cold, ("139",), ("btrfs",), slowness=7, warming=0),
    "deletion": Workload("139 packages, deleted", deletion, ("139",), ("btrfs",), slowness=2),
}
