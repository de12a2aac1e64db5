"""What a workload is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.processes import Command
from benchmarks.rounds import Candidate
from benchmarks.setting import Setting

EVERYWHERE = ("btrfs", "xfs", "ext4")
Candidates = dict[str, Candidate]


class Workload(NamedTuple):
    """``candidates`` gives those for one filesystem, the baseline first; ``sets`` are the package sets it needs.

    ``slowness`` divides its rounds, which follow ``warming`` others.
    """

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


def anew(setting: Setting, commands: Mapping[str, Sequence[Command]]) -> Candidates:
    """Return candidates that find no environment."""
    return {name: setting.anew(each) for name, each in commands.items()}
