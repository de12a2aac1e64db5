"""One run of the benchmarks: filesystem after filesystem, what can be measured is, and the rest is said."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from benchmarks.default_mode import default_mode
from benchmarks.hundred import HUNDRED_MEBIBYTES, measure_hundred
from benchmarks.limit import why_no_limit
from benchmarks.loop_mounts import loop_mount, why_no_mounts
from benchmarks.memory import measure_memory
from benchmarks.packages import SETS, Packages
from benchmarks.processes import CommandError
from benchmarks.report import Report
from benchmarks.rounds import take_turns
from benchmarks.setting import Setting, delete
from benchmarks.space import measure_space
from benchmarks.tables import show_sizes, show_timings
from benchmarks.workloads import WORKLOADS

SIZES = ("space", "memory", "hundred")
_IMAGE_MEBIBYTES = 32768
_NEEDED_BYTES = {"quick": 8 << 30, "full": 24 << 30}


class Wish(NamedTuple):
    """What is asked for; ``only`` names workloads, and all are meant without."""

    full: bool
    rounds: int
    filesystems: Sequence[str]
    only: Sequence[str]

    def timings(self, filesystem: str) -> list[str]:
        """Return the workloads to time on a filesystem."""
        return [
            name
            for name, workload in WORKLOADS.items()
            if (name in self.only or not self.only)
            and filesystem in (workload.filesystems if self.full or self.only else workload.quick)
        ]

    def sizes(self, filesystem: str) -> list[str]:
        """Return what else to measure on a filesystem."""
        possible = {"btrfs": SIZES, "xfs": ("space",), "ext4": ()}[filesystem]
        return [name for name in self.only or (SIZES if self.full else ()) if name in possible]

    @property
    def sets(self) -> list[str]:
        """The package sets that all this needs."""
        needed = {"139"} if any(self.sizes(filesystem) for filesystem in self.filesystems) else set()
        for filesystem in self.filesystems:
            needed.update(*(WORKLOADS[name].sets for name in self.timings(filesystem)))
        return sorted(needed, key=SETS.index)


class Session:
    """Measures what is wished for into a report, telling of it as it goes."""

    def __init__(self, wish: Wish, report: Report, console: Console) -> None:
        self._wish = wish
        self._report = report
        self._console = console

    def run(self) -> None:
        """Measure all.

        :raises CommandError: when wheels cannot be had.
        """
        self._miss("peers: uv", None if shutil.which("uv") else "uv is not installed; pip install uv")
        self._miss("the limit", why_no_limit())
        filesystems = [each for each in self._wish.filesystems if not self._miss(each, self._why_not(each))]
        if not filesystems:
            return
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as directory:
            packages = Packages(Path(directory))
            packages.fetch(self._wish.sets)
            self._report.content["files"] = {name: packages.files(name) for name in self._wish.sets}
            for filesystem in filesystems:
                with self._telling(filesystem):
                    self._run_on(filesystem, packages)

    def _run_on(self, filesystem: str, packages: Packages) -> None:
        """Measure on new filesystems: space where nothing was ever deleted, and times where little else is stored."""
        sizes, timings = self._wish.sizes(filesystem), self._wish.timings(filesystem)
        if timings or "memory" in sizes:
            with loop_mount(filesystem, _IMAGE_MEBIBYTES) as place:
                setting = Setting(filesystem, place, packages)
                self._report.content["default_mode"][filesystem] = default_mode(place, setting.environ)
                for name in timings:
                    self._time(name, setting)
                if "memory" in sizes:
                    self._size("memory", setting, measure_memory)
        if "space" in sizes:
            with loop_mount(filesystem, _IMAGE_MEBIBYTES) as place:
                self._size("space", Setting(filesystem, place, packages), measure_space)
        if "hundred" in sizes:
            with loop_mount(filesystem, HUNDRED_MEBIBYTES) as place:
                self._size("hundred", Setting(filesystem, place, packages), measure_hundred)

    def _time(self, name: str, setting: Setting) -> None:
        workload, filesystem = WORKLOADS[name], setting.filesystem
        with self._telling(f"{name}, {filesystem}"):
            candidates = workload.candidates(setting)
            costs = take_turns(candidates, workload.rounds(self._wish.rounds), setting.environ, workload.warming)
            delete(setting.environment)
            self._report.add_timings(name, filesystem, costs)
            show_timings(self._console, self._report, name, filesystem)

    def _size(
        self, name: str, setting: Setting, measure: Callable[[Setting], Mapping[str, Mapping[str, float | None]]]
    ) -> None:
        with self._telling(f"{name}, {setting.filesystem}"):
            figures = measure(setting)
            self._report.content[name][setting.filesystem] = figures
            show_sizes(self._console, f"{name}, {setting.filesystem}", figures)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Tell what is going on; what fails is left out, and the rest is measured all the same."""
        try:
            self._console.print(f"{what} ...", style="dim")
            yield
        except (CommandError, OSError) as error:
            self._miss(what, str(error))

    def _miss(self, what: str, reason: str | None) -> bool:
        if reason:
            self._report.leave_out(what, reason)
            self._console.print(f"left out: {what}: {reason}", style="yellow", markup=False, highlight=False)
        return bool(reason)

    def _why_not(self, filesystem: str) -> str | None:
        return why_no_mounts(filesystem) or self._why_no_room()

    def _why_no_room(self) -> str | None:
        needed = _NEEDED_BYTES["full" if self._wish.full else "quick"] if self._wish.sets else 1 << 30
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if free >= needed:
            return None
        return f"{tempfile.gettempdir()} has {free >> 20} MiB free, and {needed >> 20} are needed; set TMPDIR"
