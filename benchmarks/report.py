"""The figures of one run, as they are kept in JSON: what was measured, on what, and what was left out."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import Cost
from benchmarks.rounds import ratio

RESULT = Path(__file__).with_name("results") / "full.json"
OURS = (
    *("ours", "virtualenv --seeder reflink", "python -m virtualenv_reflink", "install -"),
    *("remove", "fork", "explain", "cache"),
)


class Report:
    """Times are in seconds and in the order of the rounds; sizes are in bytes."""

    def __init__(self, content: dict[str, Any] | None = None) -> None:
        self.content: dict[str, Any] = content or {
            "command": "",
            "machine": {},
            "versions": {},
            "files": {},
            "default_mode": {},
            "left_out": [],
            "timings": {},
            "space": {},
            "memory": {},
            "hundred": {},
        }

    @classmethod
    def read(cls, path: Path) -> Report:
        """Return the report that a file holds."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")

    def leave_out(self, what: str, reason: str) -> None:
        """Note what was not measured, and why."""
        self.content["left_out"].append(f"{what}: {reason}")

    def why_left_out(self, what: str) -> str | None:
        """Return why something was not measured, or None."""
        start = f"{what}: "
        return next((each.removeprefix(start) for each in self.content["left_out"] if each.startswith(start)), None)

    def add_timings(self, workload: str, filesystem: str, costs: Mapping[str, Sequence[Cost]]) -> None:
        """Note what candidates cost, round by round."""
        self.content["timings"].setdefault(workload, {})[filesystem] = {
            name: {
                "wall": [round(cost.wall, 5) for cost in spent],
                "cpu": [round(cost.cpu, 5) for cost in spent],
            }
            for name, spent in costs.items()
        }

    def candidates(self, workload: str, filesystem: str) -> list[str]:
        """Return the names of the candidates that were timed."""
        return list(self.content["timings"].get(workload, {}).get(filesystem, {}))

    def filesystems(self, workload: str) -> list[str]:
        """Return the filesystems on which a workload was timed."""
        return list(self.content["timings"].get(workload, {}))

    def walls(self, workload: str, filesystem: str, name: str) -> list[float] | None:
        """Return wall times, or None when that was not measured."""
        return self._times(workload, filesystem, name, "wall")

    def median(self, workload: str, filesystem: str, name: str, clock: str = "wall") -> float | None:
        """Return the median of wall or CPU times, or None."""
        times = self._times(workload, filesystem, name, clock)
        return statistics.median(times) if times else None

    def ratio(self, workload: str, filesystem: str, name: str, other: str) -> float | None:
        """Return the median of the ratios of two candidates, round by round, or None."""
        values, others = self.walls(workload, filesystem, name), self.walls(workload, filesystem, other)
        return ratio(values, others) if values and others else None

    def _times(self, workload: str, filesystem: str, name: str, clock: str) -> list[float] | None:
        candidate = self.content["timings"].get(workload, {}).get(filesystem, {}).get(name)
        return candidate[clock] if candidate else None


def is_ours(candidate: str) -> bool:
    """Whether a candidate is this project, and no peer."""
    return candidate.startswith(OURS)
