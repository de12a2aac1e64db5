"""What pip reports that it would install, as a lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from virtualenv_reflink.requirements.lock import Lock, Locked
from virtualenv_reflink.requirements.order import Node, installation_order


def lock_of(
    report: Mapping[str, Any], search_path: Sequence[Path], markers: Mapping[str, str], *, follow: bool
) -> Lock:
    """Return what a report (pip's installation report format) tells of, in the order in which pip would install it.

    ``search_path`` is where packages are installed, ``markers`` are those of the interpreter (PEP 508), and ``follow``
    is whether pip was to install what packages depend on.
    """
    entries = report["install"]
    nodes = [_node(entry, follow=follow) for entry in entries]
    order = installation_order(nodes, markers, list(_installed(search_path)))
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
