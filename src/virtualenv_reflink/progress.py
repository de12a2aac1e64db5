"""What long work tells of itself; whoever has a terminal listens."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


class Progress:
    """Hears of stages and steps, and keeps them to itself."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[None]:  # noqa: ARG002
        """Enter a stage of ``total`` steps, or of an unknown number."""
        return nullcontext()

    def step(self, what: str, count: int = 1) -> None:
        """Take ``count`` steps of the present stage; ``what`` is being worked on."""

    def detail(self, line: str) -> None:
        """Tell something that only those who asked for an explanation want to know."""
