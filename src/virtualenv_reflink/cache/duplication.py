"""An entry of one cache as an entry of another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from virtualenv_reflink.cache.manifest import MANIFEST_NAME, TREE_NAME, Tree, write_manifest
from virtualenv_reflink.cache.modes import cached_file_mode, make_directories
from virtualenv_reflink.filesystem.copying import clone_or_copy_file
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.filesystem.source import source_error


def duplicate_entry(tree: Tree, entry: Path) -> None:
    """Make the empty directory ``entry`` hold the files of ``tree`` and its manifest: clones where possible, or copies.

    :raises SourceError: when a file is missing, or has another size than it should have.
    :raises OSError: when ``entry`` cannot be written.
    """
    for file in _duplicates(tree, entry / TREE_NAME):
        clone_or_copy_file(file)
    manifest = Path(tree.root).parent / MANIFEST_NAME
    try:
        content = manifest.open("rb")
    except OSError as error:
        raise source_error(error, str(manifest)) from error
    with content:
        write_manifest(entry, content.read())


def _duplicates(tree: Tree, target: Path) -> Iterator[Duplicate]:
    modes = {executable: cached_file_mode(executable=executable) for executable in (True, False)}
    for scheme, directories in tree.schemes.items():
        for directory in directories:
            place = f"{target}/{scheme}/{directory.path}".rstrip("/")
            make_directories(place)
            for file in directory.files:
                source = f"{tree.root}/{scheme}/{directory.path}/{file.name}"
                yield source, f"{place}/{file.name}", modes[file.executable], tree.mtime_ns, file.size
