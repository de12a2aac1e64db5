"""What a part of the campaign counts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

PROBLEMS = ("lost", "bad entry served", "written outside", "traceback", "next run not whole")


class Tally:
    """The counts of one row of the table: how often something was tried and hit, and what went wrong, with examples."""

    def __init__(self, part: str, what: str) -> None:
        self.part = part
        self.what = what
        self.counts: Counter[str] = Counter()
        self.examples: list[str] = []

    def tried(self, *, hit: bool) -> None:
        """Count an attempt; it hit unless the command had ended before."""
        self.counts["tried"] += 1
        self.counts["hit"] += hit

    def problem(self, kind: str, examples: Iterable[str]) -> None:
        """Count a problem if there is an example of it."""
        found = [str(example) for example in examples]
        if found:
            self.counts[kind] += 1
            self.examples.append(f"{kind}: {'; '.join(found[:3])}")
            print(f"{self.part}, {self.what}: {self.examples[-1]}", file=sys.stderr, flush=True)

    def as_dict(self) -> dict[str, object]:
        """Return all of it."""
        return {"part": self.part, "what": self.what, **self.counts, "examples": self.examples}


def table(tallies: Iterable[Tally]) -> str:
    """Return tallies as a table (Markdown)."""
    heads = ["part", "what", "tried", "hit", *PROBLEMS]
    rows = [[each.part, each.what, *(str(each.counts[name]) for name in heads[2:])] for each in tallies]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
