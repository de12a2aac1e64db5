"""What is noted of hard links to files of the cache, and what follows from it."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from virtualenv_reflink.cache import changes
from virtualenv_reflink.cache.entries import LINK_MARK, LINKED, MAPPED, tree_name
from virtualenv_reflink.cache.link_notes import LinkNotes, Links
from virtualenv_reflink.cache.manifest import TREE_NAME, Tree, UnpackedWheel
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.filesystem.source import source_error
from virtualenv_reflink.filesystem.statuses import Statuses, statuses_of_groups

if TYPE_CHECKING:
    from virtualenv_reflink.cache.shared_objects import Parts

# The kernel stamps a ctime with a clock that may be behind: on Linux this one, clock_gettime(2), elsewhere so much.
_CLOCK_REALTIME_COARSE = 5
_CLOCK_NS = 20_000_000


class Linked(NamedTuple):
    """Files that come into environments together as hard links, and the kind of the notes about that."""

    tree: Tree
    kind: str

    @property
    def name(self) -> str:
        """What the note is called."""
        return tree_name(self.tree)


class HardLinks:
    """Hard links to files of one cache."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notes = {kind: LinkNotes(store, kind) for kind in (LINKED, MAPPED)}
        self._noted: dict[str, dict[str, Links]] | None = None
        # what a look has told, as it is to be noted
        self._looks: dict[tuple[str, str], Links] = {}

    def all_files(self, wheels: Iterable[tuple[UnpackedWheel, Tree | None]]) -> list[Linked]:
        """Return all files of wheels and their bytecode; shared objects are apart once they were linked alone.

        :raises SourceError: when one cannot be read.
        """
        mapped = self._notes[MAPPED].read()
        found = []
        for unpacked, bytecode in wheels:
            if tree_name(unpacked.tree) in mapped:
                shared_objects, others = self._parts(unpacked)
                found += [Linked(others, LINKED), *([self.mapped(shared_objects)] if shared_objects else [])]
            else:
                found.append(Linked(unpacked.tree, LINKED))
            if bytecode:
                found.append(Linked(bytecode, LINKED))
        return found

    def shared_objects(self, unpacked: UnpackedWheel) -> Tree | None:
        """Return the shared objects of a wheel, or None where it has none.

        :raises SourceError: when a file of it cannot be read.
        """
        return self._parts(unpacked).shared_objects

    @staticmethod
    def mapped(shared_objects: Tree) -> Linked:
        """Return shared objects as files that are linked without the others of their wheel."""
        return Linked(shared_objects, MAPPED)

    def changed_file(self, linked: Sequence[Linked]) -> str | None:
        """Return the path of a file that is not as it was made, or None.

        What had to be hashed and is as it was made need not be hashed the next time.
        """
        now_ns, noted = _now_ns(), self._read()
        hashed = []
        try:
            for files, statuses in zip(linked, self._statuses(linked), strict=True):
                known = noted[files.kind].get(files.name)
                links = known or changes.unlinked(files.tree)
                finding = changes.examined(files.tree, links, statuses)
                if finding.changed is not None:
                    return finding.changed
                self._looks[files.kind, files.name] = Links(now_ns, None, now_ns if finding.proven else links.proven_ns)
                if known and finding.hashed:
                    hashed.append(files)
            self.note(hashed)
        except OSError as error:
            # another process may just have dropped it
            return str(error.filename)
        return None

    def expect(self, linked: Sequence[Linked]) -> None:
        """Note that files, found unchanged just now, are about to come into an environment.

        If nothing is noted after that, each file that was touched since counts as changed unless its hash is right.
        """
        self._write(linked, [self._look(files) for files in linked])

    def note(self, linked: Sequence[Linked]) -> None:
        """Note how many links files have now that they came into an environment.

        :raises SourceError: when they are not there any more.
        """
        now_ns = _now_ns()
        try:
            numbers = [self._number(files.tree) for files in linked]
        except OSError as error:
            raise source_error(error, error.filename) from error
        looks = map(self._look, linked)
        proven = [now_ns if look.proven_ns == look.seen_ns else look.proven_ns for look in looks]
        self._write(linked, [Links(now_ns, *each) for each in zip(numbers, proven, strict=True)])

    def origin_of(self, tree: Tree) -> str:
        """Return a name for a tree as it is now, for :meth:`proven_ns`: another one made in its place has another name.

        :raises OSError: when it is not there any more.
        """
        return f"{tree_name(tree)}{LINK_MARK}{_identity(tree.root)}"

    def proven_ns(self, origin: str) -> int:
        """Return until when nothing had happened to the files of a tree but links that were noted, or 0."""
        if self._noted is None:
            self._noted = self._read()
        name, _, identity = origin.partition(LINK_MARK)
        root = self._store.path("wheels", *name.split("-", 1), TREE_NAME)
        with suppress(OSError):
            if _identity(str(root)) == identity and name in self._noted[LINKED]:
                return min(noted[name].proven_ns for noted in self._noted.values() if name in noted)
        return 0

    def _read(self) -> dict[str, dict[str, Links]]:
        """Return what is noted, by the kinds of notes and the names of trees."""
        return {kind: notes.read() for kind, notes in self._notes.items()}

    def _look(self, files: Linked) -> Links:
        """Return what the last look at files has told; nothing is proven of those that were not looked at."""
        return self._looks.get((files.kind, files.name)) or Links(_now_ns(), None, 0)

    def _statuses(self, linked: Sequence[Linked]) -> Iterator[Statuses]:
        """Look at all files at once.

        :raises OSError: for the first one that cannot be looked at.
        """
        root = str(self._store.path())
        places = [(os.path.relpath(files.tree.root, root), changes.paths_of(files.tree)) for files in linked]
        return statuses_of_groups(root, [[f"{place}/{path}" for path in paths] for place, paths in places])

    @staticmethod
    def _number(tree: Tree) -> int:
        """Return how many links the first file of a tree has, which most of them share."""
        first = next((f"{scheme}/{path}" for scheme in tree.schemes for path, _ in tree.files(scheme)), None)
        return os.lstat(f"{tree.root}/{first}").st_nlink if first else 1

    def _parts(self, unpacked: UnpackedWheel) -> "Parts":
        # a lazy boundary: memory is seldom shared
        from virtualenv_reflink.cache.shared_objects import parts_of

        return parts_of(self._store, unpacked)

    def _write(self, linked: Sequence[Linked], links: Sequence[Links]) -> None:
        self._noted = None
        for kind, notes in self._notes.items():
            of_kind = {files.name: each for files, each in zip(linked, links, strict=True) if files.kind == kind}
            if of_kind:
                notes.write(of_kind)


def _identity(root: str) -> str:
    status = os.lstat(root)
    return f"{status.st_ino},{status.st_mtime_ns}"


def _now_ns() -> int:
    """Return a time, in ns since the epoch, that is before the ctime of every later change."""
    if sys.platform == "linux":
        return time.clock_gettime_ns(_CLOCK_REALTIME_COARSE) - 1
    return time.time_ns() - _CLOCK_NS
