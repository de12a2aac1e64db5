"""The order in which pip installs packages: dependencies first, cycles broken, ties decided by name.

It follows ``get_topological_weights`` of pip's resolver, since where two packages hold one file the later one's stays.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from virtualenv_reflink.cache.names import normalized_name

if TYPE_CHECKING:
    from virtualenv_reflink.cache.manifest import UnpackedWheel

_ROOT = ""
_PYTHON = "<Python>"
_MOST_VISITS = 5
Graph = dict[str, list[str]]


class Node(NamedTuple):
    """A package as far as the order depends on it; ``extras`` are those that the user asked for."""

    name: str
    requires_dist: Sequence[str]
    requires_python: str | None = None
    requested: bool = True
    extras: frozenset[str] = frozenset()


def installation_order(
    packages: Sequence[Node], markers: Mapping[str, str], installed: Sequence[Node] = ()
) -> list[int]:
    """Return the indices of ``packages`` in the order in which pip installs them.

    ``markers`` are those of the interpreter (PEP 508); ``installed`` are packages that stay as they are.
    """
    names = [normalized_name(package.name) for package in packages]
    graph = _graph([*packages, *installed], markers)
    weights = _weights(graph, set(names))
    return sorted(range(len(packages)), key=lambda index: (weights.get(names[index], 0), names[index]), reverse=True)


def order_of_wheels(wheels: Sequence["UnpackedWheel"], markers: Mapping[str, str]) -> list[int]:
    """Return the indices of ``wheels`` in the order in which pip installs them where a lock asks for all of them."""
    nodes = [
        Node(wheel.metadata.distribution, wheel.metadata.requires_dist, wheel.metadata.requires_python)
        for wheel in wheels
    ]
    return installation_order(nodes, markers)


def _graph(packages: Sequence[Node], markers: Mapping[str, str]) -> Graph:
    """Return what depends on what; a package with extras is a node of its own, which depends on the bare one."""
    known = {normalized_name(package.name): package for package in reversed(packages)}
    graph: Graph = {_ROOT: []}
    waiting = [(_ROOT, _key(package.name, package.extras)) for package in packages if package.requested]
    while waiting:
        parent, key = waiting.pop(0)
        name, _, extras = key.partition("[")
        package = known.get(name)
        if key != _PYTHON and package is None:
            continue
        if key not in graph[parent]:
            graph[parent].append(key)
        if key in graph:
            continue
        graph[key] = []
        if package is not None:
            waiting += [(key, child) for child in _children(package, extras.rstrip("]"), markers)]
    for name in known:
        graph.setdefault(name, [])
    return graph


def _children(package: Node, extras: str, markers: Mapping[str, str]) -> Iterator[str]:
    if extras:
        yield normalized_name(package.name)
    if package.requires_python and not extras:
        yield _PYTHON
    for text in package.requires_dist:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if _applies(requirement, extras.split(","), markers):
            yield _key(requirement.name, requirement.extras)


def _applies(requirement: Requirement, extras: Iterable[str], markers: Mapping[str, str]) -> bool:
    if requirement.marker is None:
        return True
    try:
        return any(requirement.marker.evaluate({**markers, "extra": extra}) for extra in extras)
    except UndefinedEnvironmentName:
        return True


def _key(name: str, extras: Iterable[str]) -> str:
    chosen = ",".join(sorted(normalized_name(extra) for extra in extras))
    return normalized_name(name) + (f"[{chosen}]" if chosen else "")


def _weights(graph: Graph, wanted: set[str]) -> dict[str, int]:
    """Return larger numbers for what is deeper: first leaves are taken off, again and again, then paths are counted."""
    weights: dict[str, int] = {}
    while leaves := {key for key, children in graph.items() if key != _ROOT and not children}:
        weights |= dict.fromkeys(leaves & wanted, len(graph) - 1)
        graph = {
            key: [child for child in children if child not in leaves]
            for key, children in graph.items()
            if key not in leaves
        }
    return weights | _longest_paths(graph, wanted)


def _longest_paths(graph: Graph, wanted: set[str]) -> dict[str, int]:
    """Return the lengths of the longest paths without a circle from the root; each node is visited a few times only."""
    lengths: dict[str, list[int]] = {}
    path = [_ROOT]
    children = [iter(graph[_ROOT])]
    while children:
        child = next(children[-1], None)
        if child is None:
            children.pop()
            node = path.pop()
            if node in wanted:
                lengths.setdefault(node, []).append(len(path))
        elif child not in path and len(lengths.get(child, ())) < _MOST_VISITS:
            path.append(child)
            children.append(iter(graph[child]))
    return {node: max(found) for node, found in lengths.items()}
