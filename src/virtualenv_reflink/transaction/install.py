"""Put unpacked wheels into an environment: all of them, or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import Directory
from virtualenv_reflink.environment.compatibility import check_python
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.record import Recorder, Row
from virtualenv_reflink.environment.scripts import entry_point_scripts, rewritten_bytecode, rewritten_scripts
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.filesystem.umask import current_umask
from virtualenv_reflink.placing.batches import Batch
from virtualenv_reflink.placing.linking import Linker
from virtualenv_reflink.placing.placer import Placing
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.transaction.ground import Ground
from virtualenv_reflink.transaction.journal import Journal
from virtualenv_reflink.transaction.remove import remove_installed
from virtualenv_reflink.transaction.supplied import Item

INSTALLER = b"virtualenv-reflink\n"


class Completed(NamedTuple):
    """What an environment got of an item beside a layer, as rows for RECORD."""

    item: Item
    rows: list[Row]


class _Generated(NamedTuple):
    scheme: str
    path: str
    content: bytes
    mode: int | None = None
    mtime_ns: int | None = None


def install(items: Sequence[Item], environment: Environment, linker: Linker, progress: Progress | None = None) -> None:
    """Install ``items``, each replacing what the environment holds of its distribution.

    Where two wheels hold the same file the later one's stays, as with pip. When one fails, the environment is as it
    was before.

    :raises BadWheelError: when one is for another Python.
    :raises InstallError: when a file is in the way or the disk is full.
    :raises LinkModeError: when the link mode asked for is impossible.
    """
    for item in items:
        check_python(item.wheel, environment.version)
    journal = Journal(environment)
    try:
        with _explained(_named(items), environment):
            remove_installed({item.wheel.metadata.distribution for item in items}, environment, journal)
            _Installation(environment, linker, journal).run(items, progress or Progress())
    except BaseException:
        journal.undo()
        raise
    finally:
        journal.close()


def complete(
    items: Sequence[Item], environment: Environment, linker: Linker, record: Callable[[Sequence[Completed]], None]
) -> None:
    """Put what a layer lacks of ``items`` into an environment that has the layer, then call ``record`` with it.

    When either fails, what was put there is taken away again.

    :raises InstallError: when a file is in the way or the disk is full.
    """
    journal = Journal(environment)
    try:
        with _explained(_named(items), environment):
            record(_Installation(environment, linker, journal).complete(items))
    except BaseException:
        journal.undo()
        raise
    finally:
        journal.close()


@contextmanager
def _explained(wheels: str, environment: Environment) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise InstallError(
            f"{wheels} cannot be installed: {error.filename} is there already and belongs to no installed package; "
            "move it away or use an empty environment"
        ) from error
    except OSError as error:
        raise InstallError(
            f"{wheels} cannot be installed into {environment.root}: {error.strerror or error}; nothing of it was left"
        ) from error


def _named(items: Sequence[Item]) -> str:
    first = items[0].wheel.metadata.wheel if items else "nothing"
    return first if len(items) < 2 else f"{first} and {len(items) - 1} more"


class _Installation:
    """One transaction: for each item its RECORD and directories, then the files of all of them.

    Whatever stops it, the next installation knows from RECORD what to remove. Items are taken last first, so that a
    file which several of them hold is that of the last one.
    """

    def __init__(self, environment: Environment, linker: Linker, journal: Journal) -> None:
        self._environment = environment
        self._linker = linker
        self._journal = journal
        self._ground = Ground(environment, journal)
        umask = current_umask()
        self._executable_mode = 0o777 & ~umask | 0o111
        self._script_mode = 0o666 & ~umask | 0o555

    def run(self, items: Sequence[Item], progress: Progress) -> None:
        generated: list[tuple[str, _Generated]] = []
        with Placing(_count(items), self._linker, self._journal.files, progress) as placing:
            for item in reversed(items):
                made = list(self._generated(item))
                with _explained(item.wheel.metadata.wheel, self._environment):
                    self._write(self._scheme(item, item.wheel.metadata.root_scheme), self._record(item, made))
                    placing.add(self._batches(item, made))
                generated += [(self._scheme(item, file.scheme), file) for file in made]
        for directory, file in generated:
            self._write(directory, file)

    def complete(self, items: Sequence[Item]) -> list[Completed]:
        completed = []
        with Placing(0, self._linker, self._journal.files, Progress()) as placing:
            for item in reversed(items):
                made = list(self._scripts_and_bytecode(item))
                placing.add(self._batches(item, made))
                for file in made:
                    self._write(self._scheme(item, file.scheme), file)
                rows = self._rows(Recorder(item.wheel, self._environment), item, made)
                completed.append(Completed(item, rows))
        return completed

    def _generated(self, item: Item) -> Iterator[_Generated]:
        """Yield the files made for this environment, RECORD aside."""
        yield from self._scripts_and_bytecode(item)
        library = item.wheel.metadata.root_scheme
        yield _Generated(library, _in_dist_info(item, "INSTALLER"), INSTALLER)
        if item.requested:
            yield _Generated(library, _in_dist_info(item, "REQUESTED"), b"")
        if item.direct_url is not None:
            yield _Generated(library, _in_dist_info(item, "direct_url.json"), item.direct_url.encode("utf-8"))

    def _scripts_and_bytecode(self, item: Item) -> Iterator[_Generated]:
        scripts = list(self._scripts(item))
        yield from scripts
        if item.bytecode:
            sources = [(file.path, file.content) for file in scripts if file.mtime_ns is not None]
            for path, content in rewritten_bytecode(item.wheel, item.bytecode, sources):
                yield _Generated("scripts", path, content)

    def _scripts(self, item: Item) -> Iterator[_Generated]:
        for name, content in entry_point_scripts(item.wheel, self._environment, item.aliases):
            yield _Generated("scripts", name, content, self._script_mode)
        executable = {path for path, file in item.wheel.tree.files("scripts") if file.executable}
        for name, content in rewritten_scripts(item.wheel, self._environment):
            mode = self._executable_mode if name in executable else None
            yield _Generated("scripts", name, content, mode, item.wheel.tree.mtime_ns)

    def _record(self, item: Item, generated: list[_Generated]) -> _Generated:
        recorder = Recorder(item.wheel, self._environment)
        text = recorder.text(self._rows(recorder, item, generated))
        return _Generated(item.wheel.metadata.root_scheme, _in_dist_info(item, "RECORD"), text)

    def _rows(self, recorder: Recorder, item: Item, generated: list[_Generated]) -> list[Row]:
        rows = list(recorder.placed(item.wheel.tree, frozenset(item.wheel.metadata.rewritten_scripts)))
        if item.bytecode:
            rows += recorder.compiled(item.bytecode, frozenset(file.path for file in generated))
        return rows + [recorder.generated(file.scheme, file.path, file.content) for file in generated]

    def _batches(self, item: Item, generated: list[_Generated]) -> Iterator[Batch]:
        """Yield what is to be placed of an item, in directories that this makes."""
        left_out = {file.path for file in generated if file.scheme == "scripts"}
        mtime_ns = item.wheel.tree.mtime_ns if item.bytecode else None
        for tree in [item.wheel.tree, *([item.bytecode] if item.bytecode else [])]:
            for scheme, directories in tree.schemes.items():
                target = self._scheme(item, scheme)
                self._ground.make_directories(target)
                without = left_out if scheme == "scripts" else set()
                yield from self._batches_of_scheme(f"{tree.root}/{scheme}", target, directories, without, mtime_ns)

    def _batches_of_scheme(
        self, source_root: str, target_root: str, directories: list[Directory], left_out: set[str], mtime_ns: int | None
    ) -> Iterator[Batch]:
        put = None
        for directory in directories:
            source = f"{source_root}/{directory.path}" if directory.path else source_root
            target = f"{target_root}/{directory.path}" if directory.path else target_root
            if directory.path:
                self._ground.make_directory(target)
            files = directory.files
            if left_out:
                files = [file for file in files if directory.path_of(file) not in left_out]
            files = self._ground.claim(target, files)
            if files:
                put = put or self._linker.between(f"{source}/{files[0].name}", target)
                yield Batch(source, target, files, mtime_ns, put)

    def _scheme(self, item: Item, name: str) -> str:
        return self._environment.scheme(name, item.wheel.metadata.distribution)

    def _write(self, directory: str, file: _Generated) -> None:
        target = f"{directory}/{file.path}"
        self._ground.make_directories(os.path.dirname(target))
        if not self._ground.claim_name(target):
            return
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        self._journal.files.append(target)
        with open(fd, "wb") as stream:
            stream.write(file.content)
        if file.mode is not None:
            os.chmod(target, file.mode)
        if file.mtime_ns is not None:
            os.utime(target, ns=(file.mtime_ns, file.mtime_ns))


def _in_dist_info(item: Item, name: str) -> str:
    return f"{item.wheel.metadata.dist_info}/{name}"


def _count(items: Sequence[Item]) -> int:
    """Return how many files the cache has for ``items``."""
    trees = [tree for item in items for tree in (item.wheel.tree, item.bytecode) if tree]
    return sum(
        len(directory.files) for tree in trees for directories in tree.schemes.values() for directory in directories
    )
