"""What is noted of hard links to files of the cache, and what follows from it."""

import json
from typing import TYPE_CHECKING, NamedTuple

from virtualenv_reflink.cache import changes
from virtualenv_reflink.cache.changes import Links
from virtualenv_reflink.cache.entries import LINKED, MAPPED, tree_name
from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.filesystem.source import source_error

if TYPE_CHECKING:
    from virtualenv_reflink.cache.shared_objects import Parts


class Linked(NamedTuple):
    """Files that come into environments together as hard links, and the kind of the notes about that."""

    tree: Tree
    kind: str


class HardLinks:
    """Hard links to files of one cache."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all_files(self, unpacked: UnpackedWheel, bytecode: Tree | None) -> list[Linked]:
        """Return all files of a wheel; its shared objects are apart once they were linked without the others.

        :raises SourceError: when one cannot be read.
        """
        found = [Linked(bytecode, LINKED)] if bytecode else []
        if not self._store.has_note(MAPPED, tree_name(unpacked.tree)):
            return [Linked(unpacked.tree, LINKED), *found]
        parts = self._parts(unpacked)
        mapped = [self.mapped(parts.shared_objects)] if parts.shared_objects else []
        return [Linked(parts.others, LINKED), *mapped, *found]

    def shared_objects(self, unpacked: UnpackedWheel) -> Tree | None:
        """Return the shared objects of a wheel, or None where it has none.

        :raises SourceError: when a file of it cannot be read.
        """
        return self._parts(unpacked).shared_objects

    @staticmethod
    def mapped(shared_objects: Tree) -> Linked:
        """Return shared objects as files that are linked without the others of their wheel."""
        return Linked(shared_objects, MAPPED)

    def changed_file(self, files: Linked) -> str | None:
        """Return the path of a file that is not as it was made, or None.

        What had to be hashed and is as it was made need not be hashed the next time.
        """
        noted = self._noted(files)
        try:
            found = changes.examined(files.tree, noted or changes.unlinked(files.tree))
            if noted and found.hashed and found.changed is None:
                self.note(files)
        except FileNotFoundError:
            # another process has just dropped it
            return files.tree.root
        return found.changed

    def expect(self, files: Linked) -> None:
        """Note that files, found unchanged just now, are about to come into an environment.

        If nothing is noted after that, each file that was touched since counts as changed unless its hash is right.
        """
        self._write(files, changes.links_to_come())

    def note(self, files: Linked) -> None:
        """Note how many links files have now that they came into an environment.

        :raises SourceError: when they are not there any more.
        """
        try:
            links = changes.links_now(files.tree)
        except OSError as error:
            raise source_error(error, error.filename or files.tree.root) from error
        self._write(files, links)

    def _parts(self, unpacked: UnpackedWheel) -> "Parts":
        # a lazy boundary: memory is seldom shared
        from virtualenv_reflink.cache.shared_objects import parts_of

        return parts_of(self._store, unpacked)

    def _noted(self, files: Linked) -> Links | None:
        """Return what was noted; a note that is damaged still tells that there are links."""
        name = tree_name(files.tree)
        return self._store.read_note(files.kind, name, changes.parse_links) or (
            changes.UNKNOWN if self._store.has_note(files.kind, name) else None
        )

    def _write(self, files: Linked, links: Links) -> None:
        self._store.write_note(files.kind, tree_name(files.tree), json.dumps(links))
