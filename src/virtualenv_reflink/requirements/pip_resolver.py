"""Request to lock, by pip."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virtualenv_reflink.requirements.bundled import bundled_wheel

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.lock import Lock
    from virtualenv_reflink.requirements.reading import Reading
    from virtualenv_reflink.requirements.resolver import Surroundings


class PipResolver:
    """Resolves requests as pip does: a :class:`virtualenv_reflink.requirements.resolver.Resolver`."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    @property
    def identity(self) -> str:
        """The file name of the wheel that virtualenv bundles.

        :raises ReflinkError: when it bundles none for this Python.
        """
        return bundled_wheel(self._surroundings.cache, "pip", self._surroundings.version).name

    def resolve(self, reading: Reading, search_path: Sequence[Path]) -> Lock:
        """Return what pip would install, in the order in which it would.

        :raises ResolveError: with pip's own explanation, when there is no solution.
        """
        return self.lock_of(self.report(reading, search_path), reading, search_path)

    def report(self, reading: Reading, search_path: Sequence[Path]) -> dict[str, Any]:
        """Return what ``pip install --dry-run`` reports, in pip's installation report format.

        :raises ResolveError: with pip's own explanation, when there is no solution.
        """
        # a lazy boundary: what is remembered needs no report
        import tempfile

        request, surroundings = reading.request, self._surroundings
        with tempfile.TemporaryDirectory(prefix="virtualenv-reflink-") as directory:
            report = Path(directory, "report.json")
            choices = [] if search_path else ["--ignore-installed"]
            arguments = ["install", "--dry-run", "--report", str(report), *choices]
            words = request.arguments(surroundings.index_options)
            surroundings.pip().run([*arguments, *words], surroundings.on_line)
            told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return told

    def lock_of(self, report: dict[str, Any], reading: Reading, search_path: Sequence[Path]) -> Lock:
        """Return what a report tells of, in the order in which pip would install it."""
        # a lazy boundary: what is remembered was put in order when it was resolved
        from virtualenv_reflink.requirements.pip_answer import lock_of

        follow = "--no-deps" not in reading.request.choices
        return lock_of(report, search_path, self._surroundings.facts.markers, follow=follow)
