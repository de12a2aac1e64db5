"""Put unpacked wheels into an environment: all of them, or none."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import Directory, Tree, UnpackedWheel
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.filesystem.reflink import current_umask
from virtualenv_reflink.install.compatibility import check_python
from virtualenv_reflink.install.environment import Environment
from virtualenv_reflink.install.journal import Journal
from virtualenv_reflink.install.linking import Linker
from virtualenv_reflink.install.record import Recorder
from virtualenv_reflink.install.removal import remove_installed
from virtualenv_reflink.install.scripts import entry_point_scripts, rewritten_bytecode, rewritten_scripts

INSTALLER = b"virtualenv-reflink\n"


class Item(NamedTuple):
    """A wheel to install, its bytecode if that is wanted, and whether the user named it (REQUESTED, PEP 376)."""

    wheel: UnpackedWheel
    bytecode: Tree | None
    requested: bool


class _Generated(NamedTuple):
    scheme: str
    path: str
    content: bytes
    mode: int | None = None
    mtime_ns: int | None = None


def install(items: Sequence[Item], environment: Environment, linker: Linker) -> None:
    """Install ``items``, each replacing what the environment holds of its distribution.

    When one fails, the environment is as it was before.

    :raises BadWheelError: when one is for another Python.
    :raises InstallError: when a file is in the way or the disk is full.
    :raises LinkModeError: when the link mode asked for is impossible.
    """
    for item in items:
        check_python(item.wheel, environment.version)
    journal = Journal(environment.root)
    try:
        for item in items:
            with _explained(item.wheel, environment):
                remove_installed(item.wheel.metadata.distribution, environment, journal)
        for item in items:
            with _explained(item.wheel, environment):
                _Installation(item, environment, linker, journal).run()
    except BaseException:
        journal.undo()
        raise
    finally:
        journal.close()


@contextmanager
def _explained(wheel: UnpackedWheel, environment: Environment) -> Iterator[None]:
    name = wheel.metadata.wheel
    try:
        yield
    except FileExistsError as error:
        raise InstallError(
            f"{name} cannot be installed: {error.filename} is there already, from another wheel or by another hand; "
            "leave one of the two out or use an empty environment"
        ) from error
    except OSError as error:
        raise InstallError(
            f"{name} cannot be installed into {environment.root}: {error.strerror or error}; nothing of it was left"
        ) from error


class _Installation:
    def __init__(self, item: Item, environment: Environment, linker: Linker, journal: Journal) -> None:
        self._item = item
        self._wheel = item.wheel
        self._environment = environment
        self._linker = linker
        self._journal = journal
        self._present: set[str] = set()
        umask = current_umask()
        self._executable_mode = 0o777 & ~umask | 0o111
        self._script_mode = 0o666 & ~umask | 0o555
        self._executable_needs_chmod = bool(umask & 0o111)

    def run(self) -> None:
        """Write RECORD first: whatever stops this later, the next installation knows what to remove."""
        generated = list(self._generated())
        record = self._record(generated)
        self._write(_Generated(self._wheel.metadata.root_scheme, self._in_dist_info("RECORD"), record))
        left_out = {"scripts": set(self._wheel.metadata.rewritten_scripts)}
        self._place(self._wheel.tree, left_out)
        if self._item.bytecode:
            rewritten = list(self._rewritten_bytecode(self._item.bytecode, generated))
            self._place(self._item.bytecode, {"scripts": {file.path for file in rewritten}})
            generated += rewritten
        for file in generated:
            self._write(file)

    def _generated(self) -> Iterator[_Generated]:
        for name, content in entry_point_scripts(self._wheel, self._environment):
            yield _Generated("scripts", name, content, self._script_mode)
        executable = {path for path, file in self._wheel.tree.files("scripts") if file.executable}
        for name, content in rewritten_scripts(self._wheel, self._environment):
            mode = self._executable_mode if name in executable else None
            yield _Generated("scripts", name, content, mode, self._wheel.tree.mtime_ns)
        library = self._wheel.metadata.root_scheme
        yield _Generated(library, self._in_dist_info("INSTALLER"), INSTALLER)
        if self._item.requested:
            yield _Generated(library, self._in_dist_info("REQUESTED"), b"")

    def _rewritten_bytecode(self, bytecode: Tree, generated: list[_Generated]) -> Iterator[_Generated]:
        scripts = [(file.path, file.content) for file in generated if file.mtime_ns is not None]
        for path, content in rewritten_bytecode(self._wheel, bytecode, scripts):
            yield _Generated("scripts", path, content)

    def _record(self, generated: list[_Generated]) -> bytes:
        recorder = Recorder(self._wheel, self._environment)
        rows = list(recorder.placed(self._wheel.tree, frozenset(self._wheel.metadata.rewritten_scripts)))
        if self._item.bytecode:
            rows += recorder.placed(self._item.bytecode)
        rows += [recorder.generated(file.scheme, file.path, file.content) for file in generated]
        return recorder.text(rows)

    def _in_dist_info(self, name: str) -> str:
        return f"{self._wheel.metadata.dist_info}/{name}"

    def _scheme(self, name: str) -> str:
        return self._environment.scheme(name, self._wheel.metadata.distribution)

    def _place(self, tree: Tree, left_out: dict[str, set[str]]) -> None:
        for scheme, directories in tree.schemes.items():
            target = self._scheme(scheme)
            self._make_directories(target)
            self._place_scheme(f"{tree.root}/{scheme}", target, directories, left_out.get(scheme, set()), tree.mtime_ns)

    def _place_scheme(
        self, source_root: str, target_root: str, directories: list[Directory], left_out: set[str], mtime_ns: int | None
    ) -> None:
        place = None
        for directory in directories:
            source = f"{source_root}/{directory.path}" if directory.path else source_root
            target = f"{target_root}/{directory.path}" if directory.path else target_root
            if directory.path:
                self._make_directory(target)
            for file in directory.files:
                if left_out and directory.path_of(file) in left_out:
                    continue
                source_file, target_file = f"{source}/{file.name}", f"{target}/{file.name}"
                place = place or self._linker.between(source_file, target)
                place(source_file, target_file, 0o777 if file.executable else 0o666, mtime_ns)
                self._journal.files.append(target_file)
                if file.executable and self._executable_needs_chmod and self._linker.requested != "hardlink":
                    os.chmod(target_file, self._executable_mode)

    def _write(self, file: _Generated) -> None:
        root = self._scheme(file.scheme)
        self._make_directories(root)
        parent = os.path.dirname(file.path)
        for depth in range(1, parent.count("/") + 2 if parent else 1):
            self._make_directory(f"{root}/{'/'.join(parent.split('/')[:depth])}")
        target = f"{root}/{file.path}"
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        self._journal.files.append(target)
        with open(fd, "wb") as stream:
            stream.write(file.content)
        if file.mode is not None:
            os.chmod(target, file.mode)
        if file.mtime_ns is not None:
            os.utime(target, ns=(file.mtime_ns, file.mtime_ns))

    def _make_directories(self, path: str) -> None:
        """Make a scheme's directory and what is missing above it."""
        if path not in self._present:
            if not os.path.isdir(path):
                self._make_directories(os.path.dirname(path))
                self._make_directory(path)
            self._present.add(path)

    def _make_directory(self, path: str) -> None:
        """Make a directory unless it is there; a link in its place could lead out of the environment."""
        if path in self._present:
            return
        try:
            os.mkdir(path)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                raise
        else:
            self._journal.directories.append(path)
        self._present.add(path)
