"""What must hold of environments and caches, whatever happened to them."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[-_.]+")
_STATE = {"_virtualenv_reflink_layer.pth", "_virtualenv_reflink_layer.json", "_virtualenv.py", "_virtualenv.pth"}


def tree_of(root: Path) -> dict[str, tuple[object, ...]]:
    """Return the mode and content of all that is below ``root``."""
    found: dict[str, tuple[object, ...]] = {}
    for directory, names, files in os.walk(root):
        for name in names + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                content: object = os.readlink(path)
            else:
                content = None if stat.S_ISDIR(status.st_mode) else _sha256(path)
            found[os.path.relpath(path, root)] = status.st_mode, content
    return found


def changes(before: dict[str, tuple[object, ...]], after: dict[str, tuple[object, ...]]) -> list[str]:
    """Return the paths in which two trees differ."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def library_of(environment: Path) -> Path:
    """Return where the packages of an environment are, or would be."""
    found = list(environment.glob("lib/*/site-packages"))
    return found[0] if found else environment / "lib" / "site-packages"


def layer_of(environment: Path) -> Path | None:
    """Return the layer of an environment, if it has one."""
    return next(_layer(library_of(environment)), None)


def installed(environment: Path) -> dict[str, str]:
    """Return what Python finds in an environment, its layer included, by normalized name."""
    library = library_of(environment)
    found = distributions(path=[str(library), *map(str, _layer(library))])
    return {_NAME.sub("-", each.metadata["Name"]).lower(): each.version for each in found if each.metadata["Name"]}


def not_whole(environment: Path, *, hashes: bool = False) -> Iterator[str]:
    """Yield what RECORDs list that is missing or is not as they say; of a file that several list, one must be right."""
    library = library_of(environment)
    for place in (library, *_layer(library)):
        listed: dict[str, list[tuple[str, str]]] = {}
        for record in _records(place):
            for path, hash_, size in _rows(record):
                listed.setdefault(os.path.normpath(place / path), []).append((hash_, size))
        for path, rows in listed.items():
            wrong = _wrong(path, rows, hashes)
            if wrong:
                yield wrong
        for metadata in place.glob("*.dist-info"):
            record = metadata / "RECORD"
            if not record.exists() or not record.stat().st_size:
                yield f"{record} is missing or empty"


def unlisted(environment: Path, made_by_creator: set[str]) -> Iterator[str]:
    """Yield files of an environment that no RECORD lists, its creator did not make and that are of no layer."""
    library = library_of(environment)
    known = {os.path.normpath(library / path) for record in _records(library) for path, _, _ in _rows(record)}
    for state in _states(library):
        known |= {os.path.normpath(library / path) for paths in state["files"].values() for path in paths}
    for directory, names, files in os.walk(environment):
        yield from (os.path.join(directory, name) for name in names if "virtualenv-reflink" in name)
        for name in files:
            path = os.path.join(directory, name)
            inside = os.path.relpath(path, environment)
            if os.path.normpath(path) not in known and inside not in made_by_creator and name not in _STATE:
                yield path


def bad_entries(cache: Path) -> Iterator[str]:
    """Yield what in a wheel cache is not as its manifests and RECORDs say."""
    for manifest in cache.glob("v*/wheels/*/*/manifest.json"):
        for scheme, directories in json.loads(manifest.read_bytes())["schemes"].items():
            for directory, (names, _, sizes, hashes) in directories:
                columns = names.split("/"), sizes.split(","), hashes.split(",")
                for name, size, hash_ in zip(*columns, strict=True) if names else ():
                    path = os.path.join(manifest.parent, "tree", scheme, directory, name)
                    wrong = _wrong(path, [(hash_, size)], hashes=True)
                    if wrong:
                        yield wrong
    for layer in cache.glob("v*/layers/*"):
        if not (layer / "layer.json").exists():
            yield f"{layer} has no layer.json"


def _layer(library: Path) -> Iterator[Path]:
    for state in _states(library):
        yield Path(state["layer"])


def _states(library: Path) -> Iterator[dict[str, Any]]:
    for path in library.glob("_virtualenv_reflink_layer.json"):
        # a power cut may have left it empty
        with suppress(ValueError):
            yield json.loads(path.read_bytes())


def _records(library: Path) -> Iterator[Path]:
    return library.glob("*.dist-info/RECORD")


def _rows(record: Path) -> list[tuple[str, str, str]]:
    with record.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
        return [(row[0], row[1], row[2]) for row in csv.reader(stream) if row]


def _wrong(path: str, rows: list[tuple[str, str]], hashes: bool) -> str | None:
    try:
        size = os.lstat(path).st_size
    except (FileNotFoundError, NotADirectoryError):
        return f"{path} is missing"
    if not any(not listed or int(listed) == size for _, listed in rows):
        return f"{path} has {size} bytes, not {rows[0][1]}"
    if path.endswith(".pyc") and not size:
        return f"{path} is empty"
    if hashes and not any(not listed or listed == _record_hash(path) for listed, _ in rows):
        return f"{path} has another content"
    return None


def _record_hash(path: str) -> str:
    return "sha256=" + urlsafe_b64encode(bytes.fromhex(_sha256(path))).decode().rstrip("=")


def _sha256(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()
