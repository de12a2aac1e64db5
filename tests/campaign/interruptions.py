"""Commands that are interrupted at random moments, and run again at once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.loop_mounts import loop_mount
from tests.campaign.checks import changes, installed, layer_of, library_of, not_whole, tree_of
from tests.campaign.setting import REFLINK, Done, Setting, remove, versions
from tests.campaign.tally import Tally

PART = "interruptions"
Prepare = Callable[[Setting], None]


class Scenario(NamedTuple):
    """A command, what is there before it, and what the environment holds after it.

    One that is not ``repeatable`` refuses to do again what has been done.
    """

    name: str
    filesystem: str
    prepare: Prepare
    command: Callable[[Setting], list[str]]
    expected: dict[str, str]
    repeatable: bool = True


class Way(NamedTuple):
    """A way to interrupt a process: a signal, to it alone or to its whole group."""

    name: str
    number: signal.Signals
    group: bool

    @property
    def can_be_answered(self) -> bool:
        """Whether the process hears of it."""
        return self.number != signal.SIGKILL


WAYS = (
    Way("SIGINT", signal.SIGINT, True),
    Way("SIGTERM", signal.SIGTERM, False),
    Way("SIGKILL of the parent", signal.SIGKILL, False),
    Way("SIGKILL of all", signal.SIGKILL, True),
)


def run(number: int, seed: int, scenarios: tuple[Scenario, ...] | None = None, files: int = 1500) -> Iterator[Tally]:
    """Interrupt ``number`` commands, divided among the scenarios and the ways to interrupt.

    Each of three wheels has about as many ``files``.
    """
    chosen = scenarios or scenarios_of_all()
    rng = random.Random(seed)
    with _settings({each.filesystem for each in chosen}, files) as settings:
        for index, scenario in enumerate(chosen):
            rounds = number // len(chosen) + (index < number % len(chosen))
            if rounds:
                yield _tally_of(scenario, settings[scenario.filesystem], rounds, index, rng)


def scenarios_of_all() -> tuple[Scenario, ...]:
    """Return them."""
    installs = [
        Scenario(f"install, {mode}, {what}", filesystem, _before(what), _installing(mode, "1.0"), versions("1.0"))
        for filesystem, mode, what in (
            ("btrfs", "clone", "warm"),
            ("xfs", "clone", "warm"),
            ("ext4", "copy", "warm"),
            ("ext4", "hardlink", "warm"),
            ("ext4", "layer", "warm"),
            ("btrfs", "snapshot", "warm"),
            ("btrfs", "clone", "cold"),
            ("ext4", "layer", "no layer"),
            ("btrfs", "snapshot", "no layer"),
        )
    ]
    upgrades = [
        Scenario(f"upgrade, {mode}", filesystem, _after(mode), _installing(mode, "2.0"), versions("2.0"))
        for filesystem, mode in (("btrfs", "clone"), ("ext4", "copy"), ("xfs", "hardlink"), ("btrfs", "snapshot"))
    ]
    others = [
        Scenario("venv, clone", "xfs", _nothing, _making("clone"), versions("1.0")),
        Scenario("venv, snapshot", "btrfs", _nothing, _making("snapshot"), versions("1.0")),
        Scenario(
            "eject",
            "ext4",
            _after("layer"),
            lambda at: at.command("eject", "copy", at.environment),
            versions("1.0"),
            False,
        ),
        Scenario("editable, copy", "ext4", _after("copy"), _editable, versions("2.0", **{"editable-project": "1.0"})),
    ]
    return (*installs, *upgrades, *others)


@contextmanager
def _settings(filesystems: set[str], files: int) -> Iterator[dict[str, Setting]]:
    with ExitStack() as stack:
        mounts = {name: stack.enter_context(loop_mount(name, 2048)) for name in sorted(filesystems)}
        yield {name: Setting(mount, files) for name, mount in mounts.items()}


def _tally_of(scenario: Scenario, at: Setting, rounds: int, index: int, rng: random.Random) -> Tally:
    tally = Tally(PART, f"{scenario.name}, {scenario.filesystem}")
    command = scenario.command(at)
    start = _seconds(at, [*REFLINK, "--version"])
    seconds = _duration(scenario, at, command)
    for number in range(rounds):
        way = WAYS[(index + number) % len(WAYS)]
        # moments spread over the whole duration, but for the start of Python itself
        moment = start + (seconds - start) * (number + rng.random()) / rounds
        _interrupt(scenario, at, command, way, moment, tally, check_agreement=number % 4 == 3)
    return tally


def _duration(scenario: Scenario, at: Setting, command: list[str]) -> float:
    """Return how many seconds the command takes, uninterrupted."""
    taken = []
    for _ in range(2):
        scenario.prepare(at)
        taken.append(_seconds(at, command))
    return taken[-1]


def _seconds(at: Setting, command: list[str]) -> float:
    started = time.monotonic()
    done = at.run(command)
    assert not done.code, done.said
    return time.monotonic() - started


def _interrupt(
    scenario: Scenario, at: Setting, command: list[str], way: Way, moment: float, tally: Tally, *, check_agreement: bool
) -> None:
    scenario.prepare(at)
    before, held = tree_of(at.environment), installed(at.environment)
    output = at.directory / "output"
    process = at.start(command, output)
    time.sleep(moment)
    hit = process.poll() is None
    if hit:
        (os.killpg if way.group else os.kill)(process.pid, way.number)
    code = process.wait()
    tally.tried(hit=hit)
    said = output.read_text(errors="replace")
    where = f"{way.name} after {moment:.2f} s"
    tally.problem("traceback", [f"{where}: {said}"] if "Traceback" in said else [])
    tally.problem("lost", (f"{where}: listed, but {each}" for each in not_whole(at.environment)))
    if hit and way.can_be_answered and installed(at.environment) != scenario.expected:
        found = changes(before, tree_of(at.environment))
        tally.problem("lost", [f"{where}: exit status {code}, not as before: {', '.join(found[:3])}"] if found else [])
    if check_agreement and library_of(at.environment).parent.parent.is_dir():
        tally.problem("lost", (f"{where}: {each}" for each in _disagreement(scenario, at, held)))
    if scenario.repeatable or layer_of(at.environment):
        at.run_again(command, scenario.expected, tally)
    else:
        tally.problem("next run not whole", at.problems(scenario.expected))


def _disagreement(scenario: Scenario, at: Setting, held: dict[str, str]) -> Iterator[str]:
    """Yield what we say about an interrupted environment that is not what Python finds in it."""
    told = _dry_run(scenario, at)
    found = installed(at.environment)
    if found not in (held, scenario.expected):
        yield f"after a dry run it holds {found}"
    if ("Everything is installed already" in told.said) and any(found.get(name) is None for name in versions("1.0")):
        yield "what is not there is said to be installed"
    yield from (f"after a dry run {each}" for each in not_whole(at.environment))


def _dry_run(scenario: Scenario, at: Setting) -> Done:
    version = scenario.expected["first"]
    return at.run(at.command("install", "copy", "--dry-run", "--lock", at.locks[version]))


def _before(what: str) -> Prepare:
    def prepare(at: Setting) -> None:
        at.reset()
        if what == "cold":
            remove(at.cache)
        if what == "no layer":
            remove_layers(at.cache)

    return prepare


def remove_layers(cache: Path) -> None:
    """Delete the layers of a cache."""
    for layers in cache.glob("v*/layers"):
        remove(layers)


def _after(mode: str) -> Prepare:
    def prepare(at: Setting) -> None:
        at.reset()
        done = at.run(_installing(mode, "1.0")(at))
        assert not done.code, done.said

    return prepare


def _nothing(at: Setting) -> None:
    remove(at.environment)


def _installing(mode: str, version: str) -> Callable[[Setting], list[str]]:
    return lambda at: at.command("install", mode, "--lock", at.locks[version])


def _making(mode: str) -> Callable[[Setting], list[str]]:
    return lambda at: at.command("venv", mode, "--without-pip", "--with-requirements", at.locks["1.0"], at.environment)


def _editable(at: Setting) -> list[str]:
    return at.command("install", "copy", "--lock", at.locks["2.0"], "-e", at.project)
