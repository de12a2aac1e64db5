"""Whether a known layer still is what was built, so that nobody is served what was changed in it."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.file_table import File
from virtualenv_reflink.cache.manifest import TREE_NAME, Tree
from virtualenv_reflink.cache.names import LIBRARIES
from virtualenv_reflink.cache.record_hash import hash_of_file
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.filesystem.source import source_error
from virtualenv_reflink.layers.mode import TreeMode
from virtualenv_reflink.layers.stamps import Origin
from virtualenv_reflink.transaction.supplied import SuppliedWheel

_KIND = "layer-stamps"
# what making sense of a stamp raises that is none
_NO_STAMP = (AttributeError, LookupError, TypeError, ValueError)


class _Note(NamedTuple):
    """The stamp of a layer, and a digest of the files in it that are not of the wheels, such as RECORD."""

    stamp: str
    generated: str


class Source(NamedTuple):
    """A file of the cache from which one in a layer came, by its absolute path, and the tree that it is of."""

    path: str
    file: File
    tree: Tree


def note_built(layer: Path, mode: TreeMode, cache: WheelCache, wheels: Sequence[SuppliedWheel]) -> None:
    """Note what tells that a layer, built of ``wheels`` just now, is as it is.

    :raises SourceError: when it is not whole, as somebody deletes the cache.
    """
    tree = str(layer / TREE_NAME)
    try:
        note = _Note(mode.stamp(tree, _origins(mode, cache, sources_of(wheels))), _generated(tree, wheels))
    except OSError as error:
        raise source_error(error, error.filename or tree) from error
    cache.write_note(_KIND, layer.name, _text(note))


def is_sound(
    layer: Path, mode: TreeMode, cache: WheelCache, wheels: Callable[[], Sequence[SuppliedWheel] | None]
) -> bool:
    """Return whether a layer is as it was built.

    Where the stamp leaves that open, as after a further hard link, files are read. ``wheels`` are those it was built
    of, in the order of installation, or nothing where the cache has lost some.
    """
    if is_unchanged(layer, mode, cache):
        return True
    note = cache.read_note(_KIND, layer.name, _parse)
    tree = str(layer / TREE_NAME)
    try:
        suspects = mode.suspects(tree, note.stamp, cache.proven_ns) if note else None
        found = None if suspects is None else wheels()
        if note is None or suspects is None or found is None:
            return False
        sources = sources_of(found)
        _restore_mtimes(tree, sources, suspects)
        stamp = mode.stamp(tree, _origins(mode, cache, sources))
        if not _holds(tree, sources, note.generated, suspects):
            return False
    except (OSError, *_NO_STAMP):
        return False
    cache.write_note(_KIND, layer.name, _text(note._replace(stamp=stamp)))
    return True


def drop_changed(layer: Path, cache: WheelCache, wheels: Sequence[SuppliedWheel] | None) -> None:
    """Take a layer out of the cache, and before that the wheels whose files were changed through it.

    Without the layer those files have fewer links, and it could not be told any more why their ctimes are new.

    :raises CacheError: when the cache cannot be written.
    """
    for supplied in wheels or ():
        if not all(_is_as_unpacked(source.path, source) for source in sources_of([supplied]).values()):
            cache.drop(supplied.wheel)
    cache.drop_layer(layer.name)


def is_unchanged(layer: Path, mode: TreeMode, cache: WheelCache) -> bool:
    """Return whether a layer has the stamp it had when it was built or last read."""
    note = cache.read_note(_KIND, layer.name, _parse)
    try:
        return note is not None and mode.is_unchanged(str(layer / TREE_NAME), note.stamp, cache.proven_ns)
    except _NO_STAMP:
        return False


def is_whole(layer: Path, mode: TreeMode, cache: WheelCache) -> bool:
    """Return whether a layer has lost no file since it was built or last read, as far as its stamp tells."""
    note = cache.read_note(_KIND, layer.name, _parse)
    try:
        return note is not None and mode.suspects(str(layer / TREE_NAME), note.stamp, cache.proven_ns) is not None
    except (OSError, *_NO_STAMP):
        return False


def generated_as_built(layer: Path, store: Store, wheels: Sequence[SuppliedWheel]) -> bool:
    """Return whether the files of a layer that are not of its wheels are as they were; if nothing is noted, they are.

    :raises OSError: when it cannot be read.
    """
    note = store.read_note(_KIND, layer.name, _parse)
    return note is None or _generated(str(layer / TREE_NAME), wheels) == note.generated


def _generated(tree: str, wheels: Sequence[SuppliedWheel]) -> str:
    """Return a digest of the files in a layer that are not of the wheels.

    :raises OSError: when a file of the wheels is missing, or one cannot be read.
    """
    sources, present = sources_of(wheels), set(_files_in(tree))
    for missing in sources.keys() - present:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{tree}/{missing}")
    return _digest(tree, sorted(present - sources.keys()))


def sources_of(wheels: Sequence[SuppliedWheel]) -> dict[str, Source]:
    """Return the cached file for each path in the layer of ``wheels``."""
    return {
        path: Source(f"{tree.root}/{scheme}/{path}", file, tree)
        for supplied in wheels
        for tree in supplied.trees
        for scheme in tree.schemes.keys() & LIBRARIES
        for path, file in tree.files(scheme)
    }


def _origins(mode: TreeMode, cache: WheelCache, sources: dict[str, Source]) -> dict[str, Origin]:
    """Return the files of the cache that those in a layer may be links to.

    :raises OSError: when the cache has lost a tree of them.
    """
    if not mode.shares_inodes:
        return {}
    roots = {source.tree.root: source.tree for source in sources.values()}
    names = {root: cache.links.origin_of(tree) for root, tree in roots.items()}
    return {path: Origin(names[source.tree.root], source.path) for path, source in sources.items()}


def _holds(tree: str, sources: dict[str, Source], generated: str, suspects: frozenset[str]) -> bool:
    """Return whether a layer has the files of the wheels, sound where they are suspect, and what was generated."""
    present = set(_files_in(tree))
    if not sources.keys() <= present or _digest(tree, sorted(present - sources.keys())) != generated:
        return False
    return all(_is_as_unpacked(f"{tree}/{path}", sources[path]) for path in _in(suspects, sources))


def _restore_mtimes(tree: str, sources: dict[str, Source], suspects: frozenset[str]) -> None:
    """Put back the mtimes that files have lost on the way through an archive, before they are stamped again."""
    # a lazy boundary: hardly any file is suspect
    from virtualenv_reflink.cache.changes import restore_mtime

    for path in _in(suspects, sources):
        with suppress(OSError):
            mtime_ns = sources[path].tree.mtime_ns
            if os.lstat(f"{tree}/{path}").st_mtime_ns != mtime_ns:
                restore_mtime(f"{tree}/{path}", mtime_ns)


def _in(directories: frozenset[str], paths: Iterable[str]) -> Iterator[str]:
    return (path for path in paths if (os.path.dirname(path) or ".") in directories)


def _is_as_unpacked(path: str, source: Source) -> bool:
    expected = source.file.hash
    try:
        return bool(expected) and hash_of_file(path, expected.partition("=")[0]) == expected
    except OSError:
        return False


def _files_in(tree: str) -> list[str]:
    """Return the paths of all files.

    :raises OSError: when it cannot be read, or holds anything but files and directories.
    """
    found = []
    for place, directories, names in os.walk(tree, onerror=_fail):
        for name in (*directories, *names):
            mode = os.lstat(f"{place}/{name}").st_mode
            if stat.S_ISREG(mode):
                found.append(os.path.relpath(f"{place}/{name}", tree))
            elif not stat.S_ISDIR(mode):
                raise OSError(errno.EINVAL, "it is neither a file nor a directory", f"{place}/{name}")
    return found


def _digest(tree: str, paths: Sequence[str]) -> str:
    lines = [f"{path} {hash_of_file(f'{tree}/{path}')}" for path in paths]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _fail(error: OSError) -> None:
    raise error


def _text(note: _Note) -> str:
    # a stamp may be long, and each quote in it would be escaped
    return f"{note.generated}\n{note.stamp}"


def _parse(text: str) -> _Note:
    generated, _, stamp = text.partition("\n")
    return _Note(stamp, generated)
