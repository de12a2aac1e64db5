"""The wheel cache as its callers see it: give it a wheel, get it unpacked; name an interpreter, get its bytecode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from virtualenv_reflink.cache.entries import LINKED, read_built, read_entry, tree_name
from virtualenv_reflink.cache.manifest import (
    LAYER_NAME,
    DamagedError,
    Tree,
    UnpackedWheel,
    read_tree,
    read_unpacked_wheel,
)
from virtualenv_reflink.cache.memo import memoized
from virtualenv_reflink.cache.small_files import read_small
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.cache.temporary import is_temporary
from virtualenv_reflink.errors import BadWheelError, CacheLostError, TargetError
from virtualenv_reflink.filesystem.source import SourceError

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts

_Value = TypeVar("_Value")

_UNPACKED = "unpacked"
_HEXADECIMAL = frozenset("0123456789abcdef")
# How often what is in the cache may be lost before somebody is taken to delete it all the time.
_TRIES = 3


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

    @property
    def is_temporary(self) -> bool:
        """Whether it is deleted when this process ends."""
        return is_temporary(self.root)

    def insist(self, attempt: Callable[[], _Value], after_loss: Callable[[], None] = lambda: None) -> _Value:
        """Return what ``attempt`` makes in the cache or of it, trying again where something in there was lost.

        Where that happens again and again, as somebody deletes the cache all the time, this process goes on in a
        temporary one beside it.

        :raises CacheLostError, SourceError: when the last attempt fails too.
        """
        for _ in range(_TRIES):
            try:
                return attempt()
            except (CacheLostError, SourceError):
                after_loss()
        self._store.retreat()
        return attempt()

    def unpacked(self, wheel: Path) -> UnpackedWheel:
        """Return ``wheel`` unpacked, unpacking it now if that was never done or the cache was damaged since.

        :raises BadWheelError: when it is not a sound wheel.
        :raises CacheError: when the cache lacks it and cannot be written.
        """
        key = self._key(wheel)
        return self.insist(lambda: self.cached(key) or self._unpack(wheel, key))

    def cached(self, key: str) -> UnpackedWheel | None:
        """Return the unpacked wheel whose archive has this SHA-256, or None where it was never unpacked.

        One whose manifest is damaged is dropped, and counts as never unpacked.

        :raises CacheError: when others may write to it, or it is to be dropped and the cache cannot be written.
        """
        entry = self._wheel(key) / _UNPACKED
        return read_entry(self._store, entry, read_unpacked_wheel, self._wheel(key))

    def bytecode(self, unpacked: UnpackedWheel, executable: Path, facts: InterpreterFacts) -> Tree:
        """Return the bytecode of a wheel for an interpreter, compiling it now if that was never done.

        :raises CacheLostError: when the wheel, or what was made, was taken away.
        :raises CacheError: when the cache lacks it and cannot be written.
        :raises ReflinkError: when the interpreter fails.
        """
        entry = self._wheel(unpacked.key) / f"bytecode-{facts.bytecode_tag}"
        found = read_entry(self._store, entry, read_tree, entry)
        return found or self._compile(unpacked, executable, facts, entry)

    def drop(self, unpacked: UnpackedWheel) -> None:
        """Take a wheel of which files are missing or damaged out of the cache, with its bytecode.

        What is read of it at this moment stays readable once it is open. One that was unpacked again meanwhile stays.

        :raises CacheError: when the cache cannot be written.
        """
        directory = self._wheel(unpacked.key)

        def is_the_same() -> bool:
            try:
                return read_unpacked_wheel(directory / _UNPACKED).tree.mtime_ns == unpacked.tree.mtime_ns
            except (FileNotFoundError, DamagedError):
                return True

        self._store.drop(directory, is_the_same)

    def changed_file(self, unpacked: UnpackedWheel, bytecode: Tree | None) -> str | None:
        """Return the path of a file of a wheel that is not as it was made, or None."""
        from virtualenv_reflink.cache.link_notes import changed_file

        return next(filter(None, (changed_file(self._store, tree) for tree in (unpacked.tree, bytecode) if tree)), None)

    def was_linked(self, unpacked: UnpackedWheel) -> bool:
        """Return whether files of a wheel were ever shared with an environment as hard links, or may have been."""
        return self._store.has_note(LINKED, tree_name(unpacked.tree))

    def expect_links(self, tree: Tree) -> None:
        """Note that the files of ``tree``, found unchanged just now, are about to be shared as hard links.

        If nothing is noted after that, each file that was touched since counts as changed unless its hash is right.
        """
        from virtualenv_reflink.cache.link_notes import expect_links

        expect_links(self._store, tree)

    def note_links(self, tree: Tree) -> None:
        """Note that the files of ``tree`` have been shared as hard links, as was expected."""
        from virtualenv_reflink.cache.link_notes import note_links

        note_links(self._store, tree)

    def facts(self, executable: Path) -> InterpreterFacts:
        """Return what there is to know of an interpreter, asking it if that was never done.

        :raises TargetError: when it is missing or does not run.
        """
        from virtualenv_reflink.cache.interpreter import ask_interpreter, parse_facts

        try:
            return memoized(self._store, "interpreters", executable, ask_interpreter, parse_facts)
        except OSError as error:
            raise TargetError(f"the interpreter {executable} cannot be used: {error.strerror}") from error

    def layer(self, key: str, fill: Callable[[Path], None]) -> Path:
        """Return the layer that ``key`` names, having ``fill`` build and describe it if that was never done.

        :raises CacheError: when the cache lacks it and cannot be written.
        """
        entry = self._store.path("layers", key)
        self._store.build(entry, LAYER_NAME, fill)
        return entry

    def cached_layer(self, key: str) -> Path | None:
        """Return the layer that ``key`` names, or None where it was never built or has lost its description.

        :raises CacheError: when others may write to it.
        """
        entry = self._store.path("layers", key)
        return entry if self._store.holds(entry, LAYER_NAME) else None

    def cached_layers(self, prefix: str) -> Iterator[Path]:
        """Yield the layers whose names begin with ``prefix``."""
        for entry in self._store.path("layers").glob(f"{prefix}-*"):
            if self._store.holds(entry, LAYER_NAME):
                yield entry

    def described(self, layer: Path, parse: Callable[[str], _Value]) -> _Value | None:
        """Return what ``parse`` makes of a layer's description, or None where that is damaged."""
        return read_small(layer / LAYER_NAME, parse)

    def drop_layer(self, key: str) -> None:
        """Take a layer out of the cache; one that is not there is no error.

        :raises CacheError: when the cache cannot be written.
        """
        self._store.drop(self._store.path("layers", key))

    def fact_of_file(
        self, kind: str, subject: Path, compute: Callable[[Path], str], parse: Callable[[str], _Value]
    ) -> _Value:
        """Return what ``parse`` makes of ``compute(subject)``, computed once for the very same file.

        A text kept under ``kind`` of which it can make nothing counts as absent.

        :raises OSError: when ``subject`` cannot be read.
        """
        return memoized(self._store, kind, subject, compute, parse)

    def read_note(self, kind: str, key: str, parse: Callable[[str], _Value]) -> _Value | None:
        """Return what ``parse`` makes of what is kept under ``kind`` and ``key``; None if that is nothing."""
        return self._store.read_note(kind, key, parse)

    def notes(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield the key and the text of all that is kept under ``kind``; what cannot be read is passed over."""
        yield from self._store.notes(kind)

    def write_note(self, kind: str, key: str, text: str) -> None:
        """Write a text for :meth:`read_note`; a cache that cannot be written merely forgets it."""
        self._store.write_note(kind, key, text)

    def _wheel(self, key: str) -> Path:
        return self._store.path("wheels", key)

    def _key(self, wheel: Path) -> str:
        try:
            return memoized(self._store, "digests", wheel, _digest, _sha256)
        except OSError as error:
            raise BadWheelError(str(wheel), f"it cannot be read ({error.strerror})") from error

    def _unpack(self, wheel: Path, key: str) -> UnpackedWheel:
        from virtualenv_reflink.cache.unpack import unpack

        def fill(staged: Path) -> None:
            _log(f"unpack {wheel.name} into the wheel cache")
            unpack(wheel, key, staged)

        return read_built(self._store, self._wheel(key) / _UNPACKED, fill, read_unpacked_wheel)

    def _compile(self, unpacked: UnpackedWheel, executable: Path, facts: InterpreterFacts, entry: Path) -> Tree:
        from virtualenv_reflink.cache.bytecode import compile_wheel

        def fill(staged: Path) -> None:
            _log(f"compile {unpacked.metadata.wheel} for {facts.bytecode_tag}")
            compile_wheel(unpacked, executable, facts.bytecode_tag.rpartition("-")[0], staged)

        return read_built(self._store, entry, fill, read_tree)


def _sha256(text: str) -> str:
    if len(text) != 64 or not _HEXADECIMAL.issuperset(text):
        raise ValueError(text)
    return text


def _digest(wheel: Path) -> str:
    from virtualenv_reflink.cache.unpack import archive_digest

    return archive_digest(wheel)


def _log(line: str) -> None:
    # what takes long may import logging, what is there already need not
    import logging

    logging.getLogger(__name__).debug(line)
