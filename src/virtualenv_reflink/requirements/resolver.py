"""Request to lock: pip resolves, for the target interpreter."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from virtualenv_reflink.requirements.lock import Lock, Locked
from virtualenv_reflink.requirements.order import Node, installation_order
from virtualenv_reflink.requirements.pip import Pip
from virtualenv_reflink.requirements.request import Request


class Resolver:
    """Resolves requests as pip does, with the same options about indexes each time."""

    def __init__(
        self, pip: Pip, index_options: Sequence[str], markers: Mapping[str, str], on_line: Callable[[str], None]
    ) -> None:
        """Take pip, its options about indexes and builds, the interpreter's markers, and who hears what pip prints."""
        self._pip = pip
        self._index_options = list(index_options)
        self._markers = markers
        self._on_line = on_line

    def resolve(self, request: Request, search_path: Sequence[Path]) -> Lock:
        """Return what pip would install, in the order in which it would.

        What is installed on ``search_path`` counts; with none, the request is resolved as for an empty environment.
        The report is that of ``pip install --dry-run``, see pip's installation report format.

        :raises ResolveError: with pip's own explanation, when there is no solution.
        """
        with tempfile.TemporaryDirectory(prefix="virtualenv-reflink-") as directory:
            report = Path(directory, "report.json")
            choices = [] if search_path else ["--ignore-installed"]
            arguments = ["install", "--dry-run", "--report", str(report), *choices]
            self._pip.run([*arguments, *request.arguments(self._index_options)], self._on_line)
            entries = json.loads(report.read_text(encoding="utf-8"))["install"]
        nodes = [_node(entry, follow="--no-deps" not in request.choices) for entry in entries]
        order = installation_order(nodes, self._markers, list(_installed(search_path)))
        return Lock([_locked(entries[index]) for index in order])


def _locked(entry: dict[str, Any]) -> Locked:
    return Locked(
        name=entry["metadata"]["name"],
        version=entry["metadata"]["version"],
        requested=entry["requested"],
        is_direct=entry["is_direct"],
        source=entry["download_info"],
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
