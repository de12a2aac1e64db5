"""Unpacked wheels to a layer: their merged site-packages, without copying data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from virtualenv_reflink.cache.manifest import TREE_NAME, Tree, UnpackedWheel
from virtualenv_reflink.errors import LayerError
from virtualenv_reflink.filesystem.copying import copy_file

_LIBRARIES = ("purelib", "platlib")


def layer_key(wheels: Iterable[str], bytecode_tag: str) -> str:
    """Return the name of the layer of an exact set of wheels for one interpreter's bytecode."""
    return hashlib.sha256("\n".join([bytecode_tag, *sorted(wheels)]).encode()).hexdigest()


def layer_place(entry: Path) -> Path:
    """Return the directory of a layer that belongs on ``sys.path``."""
    return entry / TREE_NAME


def build_layer(wheels: Sequence[tuple[UnpackedWheel, Tree]], entry: Path) -> None:
    """Hard-link the libraries of ``wheels`` and their bytecode into the empty directory ``entry``.

    :raises LayerError: when two wheels hold the same file and it differs.
    :raises OSError: when ``entry`` cannot be written.
    """
    place = layer_place(entry)
    place.mkdir()
    made = {str(place)}
    held: dict[str, str] = {}
    for wheel, bytecode in wheels:
        for tree in (wheel.tree, bytecode):
            for scheme in _LIBRARIES:
                for directory in tree.schemes.get(scheme, ()):
                    _make_directory(f"{place}/{directory.path}".rstrip("/"), made)
                for path, file in tree.files(scheme):
                    target = f"{place}/{path}"
                    if target not in held:
                        _link(f"{tree.root}/{scheme}/{path}", target, executable=file.executable)
                    elif held[target] != file.hash:
                        raise LayerError(f"{wheel.metadata.wheel} and another wheel of its layer both hold {path!r}")
                    held[target] = file.hash


def _make_directory(path: str, made: set[str]) -> None:
    if path not in made:
        os.mkdir(path)
        made.add(path)


def _link(source: str, target: str, *, executable: bool) -> None:
    try:
        os.link(source, target)
    except OSError:  # too many links, or a filesystem that has none
        copy_file(source, target, 0o555 if executable else 0o444, os.stat(source).st_mtime_ns)
