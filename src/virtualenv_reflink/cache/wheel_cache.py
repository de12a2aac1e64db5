"""The wheel cache as its callers see it: give it a wheel, get it unpacked; name an interpreter, get its bytecode."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel, read_tree, read_unpacked_wheel
from virtualenv_reflink.cache.memo import remembered
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.errors import BadWheelError, CacheError, TargetError

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts

_LINKED = "linked"


class WheelCache:
    """A directory of unpacked wheels, keyed by the SHA-256 of their archives."""

    def __init__(self, root: Path) -> None:
        """Open the cache at ``root``, which need not exist yet.

        :raises CacheError: when ``root`` cannot be trusted or read.
        """
        self._store = Store(root)

    @property
    def root(self) -> Path:
        """The directory of the cache."""
        return self._store.root

    def unpacked(self, wheel: Path) -> UnpackedWheel:
        """Return ``wheel`` unpacked, unpacking it now if that was never done.

        :raises BadWheelError: when it is not a sound wheel.
        :raises CacheError: when the cache lacks it and cannot be written.
        """
        key = self._key(wheel)
        entry = self._store.path("wheels", key, "unpacked")
        try:
            return read_unpacked_wheel(entry)
        except FileNotFoundError:
            self._unpack(wheel, key, entry)
        return read_unpacked_wheel(entry)

    def known(self, key: str) -> UnpackedWheel | None:
        """Return the unpacked wheel whose archive has this SHA-256, or None where it was never unpacked."""
        try:
            return read_unpacked_wheel(self._store.path("wheels", key, "unpacked"))
        except FileNotFoundError:
            return None

    def bytecode(self, unpacked: UnpackedWheel, executable: Path, facts: InterpreterFacts) -> Tree:
        """Return the bytecode of a wheel for an interpreter, compiling it now if that was never done.

        :raises CacheError: when the cache lacks it and cannot be written.
        :raises ReflinkError: when the interpreter fails.
        """
        entry = self._store.path("wheels", unpacked.key, f"bytecode-{facts.bytecode_tag}")
        try:
            return read_tree(entry)
        except FileNotFoundError:
            self._compile(unpacked, executable, facts, entry)
        return read_tree(entry)

    def insist_on_unchanged(self, unpacked: UnpackedWheel, bytecode: Tree | None) -> None:
        """Drop a wheel whose files are not as they were made, and say so.

        :raises CacheError: when one is not.
        """
        from virtualenv_reflink.cache.changes import Links, changed_file, unlinked

        for tree in filter(None, (unpacked.tree, bytecode)):
            noted = self.recall(_LINKED, _name(tree))
            changed = changed_file(tree, Links(*json.loads(noted)) if noted else unlinked(tree))
            if changed:
                self._store.drop(self._store.path("wheels", unpacked.key))
                raise CacheError(
                    f"{changed} of {unpacked.metadata.wheel} was changed after it came into the wheel cache, so the "
                    "cache has dropped this wheel; run the same command again"
                )

    def was_linked(self, unpacked: UnpackedWheel) -> bool:
        """Return whether files of a wheel were ever shared with an environment as hard links."""
        return self.recall(_LINKED, _name(unpacked.tree)) is not None

    def note_links(self, tree: Tree) -> None:
        """Note that the files of ``tree``, found unchanged just now, have been shared as hard links."""
        from virtualenv_reflink.cache.changes import links_now

        self.keep(_LINKED, _name(tree), json.dumps(links_now(tree)))

    def facts(self, executable: Path) -> InterpreterFacts:
        """Return what there is to know of an interpreter, asking it if that was never done.

        :raises TargetError: when it is missing or does not run.
        """
        from virtualenv_reflink.cache.interpreter import ask_interpreter, parse_facts

        try:
            return parse_facts(remembered(self._store, "interpreters", executable, ask_interpreter))
        except OSError as error:
            raise TargetError(f"the interpreter {executable} cannot be used: {error.strerror}") from error

    def layer(self, key: str, fill: Callable[[Path], None]) -> Path:
        """Return the layer that ``key`` names, having ``fill`` make it in an empty directory if that was never done.

        :raises CacheError: when the cache lacks it and cannot be written.
        """
        entry = self._store.path("layers", key)
        self._store.build(entry, fill)
        return entry

    def known_layer(self, key: str) -> Path | None:
        """Return the layer that ``key`` names, or None where it was never built."""
        entry = self._store.path("layers", key)
        return entry if entry.is_dir() else None

    def known_layers(self, prefix: str) -> Iterator[Path]:
        """Yield the layers whose names begin with ``prefix``."""
        yield from self._store.path("layers").glob(f"{prefix}-*")

    def fact_of_file(self, kind: str, subject: Path, compute: Callable[[Path], str]) -> str:
        """Return ``compute(subject)``, computed once for the very same file and kept under ``kind``.

        :raises OSError: when ``subject`` cannot be read.
        """
        return remembered(self._store, kind, subject, compute)

    def recall(self, kind: str, key: str) -> str | None:
        """Return the text kept under ``kind`` and ``key``, or None."""
        try:
            return self._store.path(kind, key).read_text(encoding="utf-8")
        except OSError:
            return None

    def kept(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield the key and the text of all that is kept under ``kind``."""
        with suppress(FileNotFoundError):
            for path in self._store.path(kind).iterdir():
                yield path.name, path.read_text(encoding="utf-8")

    def keep(self, kind: str, key: str, text: str) -> None:
        """Keep a text for :meth:`recall`; a cache that cannot be written merely forgets it."""
        self._store.remember(self._store.path(kind, key), text)

    def _key(self, wheel: Path) -> str:
        try:
            return remembered(self._store, "digests", wheel, _digest)
        except OSError as error:
            raise BadWheelError(str(wheel), f"it cannot be read ({error.strerror})") from error

    def _unpack(self, wheel: Path, key: str, entry: Path) -> None:
        from virtualenv_reflink.cache.unpack import unpack

        def fill(staged: Path) -> None:
            _log(f"unpack {wheel.name} into the wheel cache")
            unpack(wheel, key, staged)

        self._store.build(entry, fill)

    def _compile(self, unpacked: UnpackedWheel, executable: Path, facts: InterpreterFacts, entry: Path) -> None:
        from virtualenv_reflink.cache.bytecode import compile_wheel

        def fill(staged: Path) -> None:
            _log(f"compile {unpacked.metadata.wheel} for {facts.bytecode_tag}")
            compile_wheel(unpacked, executable, facts.bytecode_tag.rpartition("-")[0], staged)

        self._store.build(entry, fill)


def _name(tree: Tree) -> str:
    """Return a name for a tree: that of its wheel and its own."""
    entry = Path(tree.root).parent
    return f"{entry.parent.name}-{entry.name}"


def _digest(wheel: Path) -> str:
    from virtualenv_reflink.cache.unpack import archive_digest

    return archive_digest(wheel)


def _log(line: str) -> None:
    # what takes long may import logging, what is there already need not
    import logging

    logging.getLogger(__name__).debug(line)
