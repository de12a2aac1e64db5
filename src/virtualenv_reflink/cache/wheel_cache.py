"""The wheel cache as its callers see it: give it a wheel, get it unpacked; name an interpreter, get its bytecode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from virtualenv_reflink.cache.entries import LINK_MARK, LINKED, read_built, read_entry, tree_name
from virtualenv_reflink.cache.layer_entries import LayerEntries
from virtualenv_reflink.cache.manifest import DamagedError, Tree, UnpackedWheel, read_tree, read_unpacked_wheel
from virtualenv_reflink.cache.memo import memoized
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.cache.temporary import is_temporary
from virtualenv_reflink.errors import BadWheelError, CacheLostError
from virtualenv_reflink.filesystem.source import SourceError

if TYPE_CHECKING:
    from virtualenv_reflink.cache.base_caches import BaseCaches
    from virtualenv_reflink.cache.compilers import Compilers
    from virtualenv_reflink.cache.hard_links import HardLinks, Linked
    from virtualenv_reflink.cache.interpreter import InterpreterFacts

_Value = TypeVar("_Value")

_UNPACKED = "unpacked"
_HEXADECIMAL = frozenset("0123456789abcdef")
# How often what is in the cache may be lost before somebody is taken to delete it all the time.
_TRIES = 3


class WheelCache(LayerEntries):
    """A directory of unpacked wheels, keyed by the SHA-256 of their archives."""

    def __init__(self, root: Path, bases: Sequence[Path] = ()) -> None:
        """Open the cache at ``root``, which need not exist yet, and ``bases``, which are only read.

        :raises CacheError: when one of them cannot be trusted or read, or a base is none.
        """
        super().__init__(Store(root), _base_caches(bases) if bases else None)

    @property
    def root(self) -> Path:
        """The directory of the cache."""
        return self.store.root

    @property
    def is_temporary(self) -> bool:
        """Whether it is deleted when this process ends."""
        return is_temporary(self.root)

    @cached_property
    def links(self) -> HardLinks:
        """Hard links to files of the cache."""
        # a lazy boundary: files are shared in few modes
        from virtualenv_reflink.cache.hard_links import HardLinks

        return HardLinks(self.store)

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
        self.store.retreat()
        return attempt()

    def unpacked(self, wheel: Path, promised: str | None = None) -> UnpackedWheel:
        """Return ``wheel`` unpacked, unpacking it now if that was never done or the cache was damaged since.

        ``promised`` is the SHA-256 that it is to have, if there is one: then the wheel of that key is what is returned.

        :raises OtherWheelError: when the cache lacks that one, and the file is another.
        :raises BadWheelError: when it is not a sound wheel.
        :raises CacheError: when the cache lacks it and cannot be written.
        """
        key = promised or self._key(wheel)

        def unpack_now() -> UnpackedWheel:
            # a lazy boundary: nearly always it is unpacked already
            from virtualenv_reflink.cache.making import unpacked_now

            return unpacked_now(self.store, wheel, key, self._wheel(key) / _UNPACKED)

        return self.insist(lambda: self.cached(key) or unpack_now())

    def holds(self, wheel: Path) -> bool:
        """Return whether a wheel is unpacked already.

        :raises BadWheelError: when it cannot be read.
        :raises CacheError: when the cache cannot be trusted.
        """
        return self.cached(self._key(wheel)) is not None

    def cached(self, key: str) -> UnpackedWheel | None:
        """Return the unpacked wheel whose archive has this SHA-256, or None where it was never unpacked.

        It may lie in a base cache. One whose manifest is damaged is dropped, and counts as never unpacked.

        :raises CacheError: when others may write to it, or it is to be dropped and the cache cannot be written.
        """
        entry = self._wheel(key) / _UNPACKED
        found = read_entry(self.store, entry, read_unpacked_wheel, self._wheel(key))
        if found is None:
            return self._bases.wheel(key) if self._bases else None
        self.store.note_use(entry)
        return found

    def own(self, unpacked: UnpackedWheel) -> UnpackedWheel:
        """Return a wheel that lies in this cache, so that its files may be shared: one of a base cache is taken over.

        :raises SourceError: when the base cache has lost a file of it.
        :raises CacheError: when the cache cannot be written.
        """
        if not self._in_base(unpacked.tree):
            return unpacked
        entry = self._wheel(unpacked.key) / _UNPACKED
        return self._take_over(unpacked.tree, entry, read_unpacked_wheel)

    def bytecode(
        self,
        unpacked: UnpackedWheel,
        executable: Path,
        facts: InterpreterFacts,
        compilers: Compilers | None = None,
    ) -> Tree:
        """Return the bytecode of a wheel for an interpreter, compiling it now if that was never done.

        Processes for that are started unless there are some.

        :raises CacheLostError: when the wheel, or what was made, was taken away.
        :raises CacheError: when the cache lacks it and cannot be written.
        :raises ReflinkError: when the interpreter fails.
        """
        tag = facts.bytecode_tag
        in_base = self._in_base(unpacked.tree)
        known = self._bases.bytecode(unpacked, tag) if self._bases else None
        if known is not None and in_base:
            return known
        # bytecode is good for sources of one time, and those of a base cache may come into this one at another time
        entry = self._wheel(unpacked.key) / f"bytecode-{tag}{f'@{unpacked.tree.mtime_ns}' if in_base else ''}"
        found = read_entry(self.store, entry, read_tree, entry)
        if found is None:
            if known is not None:
                found = self._take_over(known, entry, read_tree)
            else:
                # a lazy boundary: nearly always it is compiled already
                from virtualenv_reflink.cache.making import compiled_now

                found = compiled_now(self.store, unpacked, executable, facts, compilers, entry)
        self.store.note_use(entry)
        return found

    def drop(self, unpacked: UnpackedWheel) -> None:
        """Take a wheel of which files are missing or damaged out of the cache, with its bytecode.

        What is read of it at this moment stays readable once it is open. One that was unpacked again meanwhile stays,
        and so does one of a base cache, which is passed over from now on.

        :raises CacheError: when the cache cannot be written.
        """
        directory = self._wheel(unpacked.key)

        def is_the_same() -> bool:
            try:
                return read_unpacked_wheel(directory / _UNPACKED).tree.mtime_ns == unpacked.tree.mtime_ns
            except (FileNotFoundError, DamagedError):
                return True

        if self._bases and self._in_base(unpacked.tree) and self.changed_file(unpacked, None):
            self._bases.pass_over(unpacked)
        self.store.drop(directory, is_the_same)

    def changed_file(self, unpacked: UnpackedWheel, bytecode: Tree | None) -> str | None:
        """Return the path of a file of a wheel that is not as it was made, or None."""
        return next(filter(None, map(self._changed, self.links.all_files([(unpacked, bytecode)]))), None)

    def linked(self, wheels: Iterable[UnpackedWheel], kind: str = LINKED) -> set[str]:
        """Return the keys of those wheels whose files were ever shared as hard links, or may have been.

        :raises CacheError: when others may write to the directory of the notes.
        """
        trees = {name.partition(LINK_MARK)[0] for name in self.store.note_names(kind)}
        return {wheel.key for wheel in wheels if tree_name(wheel.tree) in trees and not self._in_base(wheel.tree)}

    def proven_ns(self, origin: str) -> int:
        """Return until when nothing had happened to the files of a tree but hard links that were noted, or 0.

        It is named by :meth:`HardLinks.origin_of`; the time is in ns since the epoch.
        """
        return self.links.proven_ns(origin)

    def _wheel(self, key: str) -> Path:
        return self.store.path("wheels", key)

    def _key(self, wheel: Path) -> str:
        try:
            return memoized(self.store, "digests", wheel, _digest, _sha256)
        except OSError as error:
            raise BadWheelError(str(wheel), f"it cannot be read ({error.strerror})") from error

    def _in_base(self, tree: Tree) -> bool:
        return self._bases is not None and self._bases.hold(tree)

    def _changed(self, files: Linked) -> str | None:
        if not self._in_base(files.tree):
            return self.links.changed_file([files])
        # a lazy boundary: nearly always nothing can have changed
        from virtualenv_reflink.cache.damage import damage_of

        return next((damage.file for damage in damage_of(files.tree)), None)

    def _take_over(self, tree: Tree, entry: Path, read: Callable[[Path], _Value]) -> _Value:
        # a lazy boundary: files are shared in few modes
        from virtualenv_reflink.cache.duplication import duplicate_entry

        return read_built(self.store, entry, lambda staged: duplicate_entry(tree, staged), read)


def _base_caches(roots: Sequence[Path]) -> BaseCaches:
    # a lazy boundary: few have any
    from virtualenv_reflink.cache.base_caches import BaseCaches

    return BaseCaches(roots)


def _sha256(text: str) -> str:
    if len(text) != 64 or not _HEXADECIMAL.issuperset(text):
        raise ValueError(text)
    return text


def _digest(wheel: Path) -> str:
    from virtualenv_reflink.cache.unpack import archive_digest

    return archive_digest(wheel)
