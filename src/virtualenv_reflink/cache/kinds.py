"""What a cache holds, kind by kind: what it is, what it depends on, and when it may go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

from virtualenv_reflink.cache.damage import Damage, damage_of
from virtualenv_reflink.cache.disk_usage import Inodes, bytes_on_disk
from virtualenv_reflink.cache.entries import LINK_MARK, LINKED, MAPPED
from virtualenv_reflink.cache.manifest import MANIFEST_NAME, read_tree, read_unpacked_wheel
from virtualenv_reflink.cache.small_files import read_small
from virtualenv_reflink.cache.store import Store


class Description(NamedTuple):
    """What users call an entry, the projects in it by their normalized names, and the entries it depends on."""

    label: str
    projects: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


class EntryKind(NamedTuple):
    """A kind of entries: directories that match ``pattern`` and hold the file ``description``.

    An entry may go once it was not used for long enough, nothing that stays depends on it, and no living environment
    does. ``describe`` reads that file, and ``damage`` every file; they are given the store, and the place of the entry
    relative to where the layout begins. ``bytes`` tells how many an entry takes of the disk; files with hard links that
    were counted before are not counted again.
    """

    name: str
    what: str
    pattern: str
    description: str
    describe: Callable[[Store, str], Description | None]
    damage: Callable[[Store, str], Iterator[Damage]]
    bytes: Callable[[Path, Inodes], int] = lambda entry, seen: bytes_on_disk([entry], seen)


class NoteKind(NamedTuple):
    """A kind of notes: small files in a directory ``name``.

    One that is about an entry, as ``about`` tells from its key and its text, goes with it; any other goes by its age.
    """

    name: str
    what: str
    about: Callable[[str, str], str] | None = None


def wheel_place(key: str) -> str:
    """Return the place of the unpacked wheel whose archive has this SHA-256."""
    return f"wheels/{key}/unpacked"


def bytecode_place(key: str, bytecode_tag: str) -> str:
    """Return the place of the bytecode of a wheel for one interpreter."""
    return f"wheels/{key}/bytecode-{bytecode_tag}"


def _linked_place(key: str) -> str:
    return f"wheels/{key.partition(LINK_MARK)[0].replace('-', '/', 1)}"


def _describe_wheel(store: Store, place: str) -> Description | None:
    return read_small(store.path(place, MANIFEST_NAME), _parse_wheel)


def _parse_wheel(text: str) -> Description:
    metadata: dict[str, Any] = json.loads(text)["metadata"]
    name, version = metadata["distribution"], metadata["version"]
    return Description(f"{name} {version}", frozenset([canonicalize_name(name)]))


def _describe_bytecode(_: Store, place: str) -> Description:
    key, name = place.split("/")[1:]
    return Description(name.removeprefix("bytecode-"), needs=frozenset([wheel_place(key)]))


WHEELS = EntryKind(
    "wheels",
    "unpacked wheels",
    "wheels/*/unpacked",
    MANIFEST_NAME,
    _describe_wheel,
    lambda store, place: damage_of(read_unpacked_wheel(store.path(place)).tree),
)
BYTECODE = EntryKind(
    "bytecode",
    "bytecode",
    "wheels/*/bytecode-*",
    MANIFEST_NAME,
    _describe_bytecode,
    lambda store, place: damage_of(read_tree(store.path(place))),
)

NOTES = (
    NoteKind("resolutions", "remembered resolutions"),
    NoteKind("locks", "locks that were read"),
    NoteKind("orders", "orders in which locks are installed"),
    NoteKind("builds", "wheels that were built of projects", lambda _, sha256: wheel_place(sha256)),
    NoteKind("hashes", "further hashes of wheels", lambda _, sha256: wheel_place(sha256)),
    NoteKind(LINKED, "hard links to files of the cache", lambda key, _: _linked_place(key)),
    NoteKind(MAPPED, "hard links to shared objects", lambda key, _: _linked_place(key)),
    NoteKind("shared-objects", "which files of wheels are shared objects", lambda key, _: wheel_place(key)),
    NoteKind("layer-stamps", "stamps of layers", lambda key, _: f"layers/{key}"),
    NoteKind("users", "environments that live on a layer", lambda key, _: f"layers/{key.rpartition('-')[0]}"),
    NoteKind("digests", "hashes of wheel files"),
    NoteKind("files", "states of other files"),
    NoteKind("bundles", "wheels that virtualenv bundles"),
    NoteKind("interpreters", "facts about interpreters"),
    NoteKind("uv", "versions of uv"),
    NoteKind("pruned", "when the cache was pruned"),
    NoteKind("deduped", "environments that share all they can"),
    NoteKind("whole", "distributions found whole after a power cut"),
)
