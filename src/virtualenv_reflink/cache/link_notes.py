"""What is noted of hard links to files of the cache, and what follows from it."""

from __future__ import annotations

import json

from virtualenv_reflink.cache import changes
from virtualenv_reflink.cache.changes import Links
from virtualenv_reflink.cache.entries import LINKED, tree_name
from virtualenv_reflink.cache.manifest import Tree
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.filesystem.source import source_error


def changed_file(store: Store, tree: Tree) -> str | None:
    """Return the path of a file of ``tree`` that is not as it was made, or None.

    What had to be hashed and is as it was made need not be hashed the next time.
    """
    noted = _noted(store, tree)
    try:
        found = changes.examined(tree, noted or changes.unlinked(tree))
        if noted and found.hashed and found.changed is None:
            note_links(store, tree)
    except FileNotFoundError:
        # another process has just dropped it
        return tree.root
    return found.changed


def expect_links(store: Store, tree: Tree) -> None:
    """Note that files of ``tree`` are about to be linked."""
    _note(store, tree, changes.links_to_come())


def note_links(store: Store, tree: Tree) -> None:
    """Note how many links the files of ``tree`` have now.

    :raises SourceError: when they are not there any more.
    """
    try:
        links = changes.links_now(tree)
    except OSError as error:
        raise source_error(error, error.filename or tree.root) from error
    _note(store, tree, links)


def _noted(store: Store, tree: Tree) -> Links | None:
    """Return what was noted; a note that is damaged still tells that there are links."""
    name = tree_name(tree)
    return store.read_note(LINKED, name, changes.parse_links) or (
        changes.UNKNOWN if store.has_note(LINKED, name) else None
    )


def _note(store: Store, tree: Tree, links: Links) -> None:
    store.write_note(LINKED, tree_name(tree), json.dumps(links))
