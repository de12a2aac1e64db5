"""Request to lock, by pip."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virtualenv_reflink.requirements.bundled import bundled_wheel
from virtualenv_reflink.requirements.lock import Lock, Locked
from virtualenv_reflink.requirements.order import Node, installation_order

if TYPE_CHECKING:
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
        entries = report["install"]
        nodes = [_node(entry, follow="--no-deps" not in reading.request.choices) for entry in entries]
        order = installation_order(nodes, self._surroundings.facts.markers, list(_installed(search_path)))
        return Lock([_locked(entries[index]) for index in order])


def _locked(entry: dict[str, Any]) -> Locked:
    return Locked(
        name=entry["metadata"]["name"],
        version=entry["metadata"]["version"],
        requested=entry["requested"],
        is_direct=entry["is_direct"],
        source=entry["download_info"],
        in_order=True,
    )


def _node(entry: dict[str, Any], *, follow: bool) -> Node:
    metadata = entry["metadata"]
    return Node(
        name=metadata["name"],
        requires_dist=metadata.get("requires_dist", ()) if follow else (),
        requires_python=metadata.get("requires_python"),
        requested=entry["requested"],
        extras=frozenset(entry.get("requested_extras", ())),
    )


def _installed(search_path: Sequence[Path]) -> Iterator[Node]:
    """Yield what is installed: dependencies may lead from one new package to another through it."""
    for found in distributions(path=[str(place) for place in search_path]) if search_path else ():
        # Python 3.10 has no other way to look into it that its types know
        headers = {key: found.metadata[key] for key in ("Name", "Requires-Python") if key in found.metadata}
        if "Name" in headers:
            yield Node(headers["Name"], found.requires or (), headers.get("Requires-Python"), requested=False)
