"""The directory tree of an environment, once more: file by file, but for site-packages that are subvolumes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.filesystem.probe import why_not_clone
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.filesystem.source import SourceError
from virtualenv_reflink.filesystem.subvolume import is_subvolume, snapshot
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.files import Columns
from virtualenv_reflink.placing.mode import FileMode
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.placing.worklist import Worklist
from virtualenv_reflink.progress import Progress

_NO_SNAPSHOT = frozenset({errno.EXDEV, errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES})
# set-user-ID, set-group-ID and sticky, which new files and directories do not get, chmod(2)
_SPECIAL = 0o7000


class TreeCopy(NamedTuple):
    """What a copy came to: how, and what of it still has to be looked at.

    ``links`` are the symbolic links that were made, and those at the top of a snapshot. ``modes`` are the ones that
    directories get once nothing is to be made in them any more, the innermost first. ``passed_over`` are sockets, pipes
    and devices, which are not copied.
    """

    outcome: Outcome
    links: list[str]
    modes: dict[str, int]
    passed_over: list[str]

    def copied_bytes(self, target: str) -> int:
        """Return how many bytes were copied to ``target`` instead of being shared, but for single files."""
        if "copy" not in self.outcome.mode:
            return 0
        paths = (f"{directory}/{name}" for directory, _, names in os.walk(target) for name in names)
        return sum(status.st_size for status in map(os.lstat, paths) if stat.S_ISREG(status.st_mode))


def copy_tree(
    source: str, target: str, libraries: Sequence[str], left_out: frozenset[str], progress: Progress
) -> TreeCopy:
    """Copy what ``source`` holds, but for the names in ``left_out``, into the empty directory ``target``.

    Data is shared where the kernel can. Modes and times of files are kept, those of directories but for their times.
    What is deleted meanwhile may be missing. ``libraries`` are directories, relative to ``source``.

    :raises OSError: when something cannot be read or made.
    """
    snapshots = {f"{source}/{library}" for library in libraries if _is_own_subvolume(f"{source}/{library}")}
    placer = Placer((_CloneOfEnvironment, Copy))
    with Worklist(placer, progress) as worklist:
        copying = _Copying(placer, worklist, snapshots)
        status = os.stat(source)
        copying.copy_directory(source, target, status.st_dev, left_out)
    copying.modes[target] = stat.S_IMODE(status.st_mode)
    outcome = placer.outcome._replace(mode="snapshot") if copying.snapshots_made else placer.outcome
    return TreeCopy(outcome, copying.links, copying.modes, copying.passed_over)


class _CloneOfEnvironment(Clone):
    """Clones of files that are not the cache's."""

    def why_not(self, source_file: str, target_directory: str) -> str | None:
        return why_not_clone(source_file, target_directory, "the environment is on another filesystem")


class FilesAsTheyAre(NamedTuple):
    """Files of one directory, looked at when they are placed: whoever uses them may change or delete them meanwhile."""

    source: str
    target: str
    names: list[str]
    mode: FileMode
    umask: int
    mtime_ns: None = None

    @property
    def number(self) -> int:
        return len(self.names)

    def columns(self) -> Columns:
        return "/".join(self.names), None, None

    def place(self, placer: Placer) -> None:
        found = [duplicate for name in self.names if (duplicate := self._duplicate(name))]
        remaining = found
        while remaining:
            try:
                placer.place(self.mode, remaining)
                break
            except SourceError as error:
                if error.errno != errno.ENOENT:
                    raise
                remaining = [each for each in remaining if each[0] != error.filename and not os.path.lexists(each[1])]
        for _, target, mode, _, _ in found:
            if mode & (self.umask | _SPECIAL):
                with suppress(FileNotFoundError):
                    os.chmod(target, mode)

    def _duplicate(self, name: str) -> Duplicate | None:
        path = f"{self.source}/{name}"
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return None
        return path, f"{self.target}/{name}", stat.S_IMODE(status.st_mode), status.st_mtime_ns, None


class _Copying:
    """Walks a tree, makes its directories and links, and hands its files to a worklist."""

    def __init__(self, placer: Placer, worklist: Worklist, snapshots: set[str]) -> None:
        """Take also the directories that are to be snapshots."""
        self._placer = placer
        self._worklist = worklist
        self._snapshots = snapshots
        self._umask = current_umask()
        self._file_modes: dict[int, FileMode] = {}
        self.snapshots_made = 0
        self.links: list[str] = []
        self.modes: dict[str, int] = {}
        self.passed_over: list[str] = []

    def copy_directory(self, source: str, target: str, device: int, left_out: frozenset[str] = frozenset()) -> None:
        """Copy what is in a directory, on a device, into one that is there."""
        names: list[str] = []
        directories: list[os.DirEntry[str]] = []
        with os.scandir(source) as entries:
            for entry in entries:
                if entry.name in left_out:
                    continue
                if entry.is_symlink():
                    self._link(entry.path, f"{target}/{entry.name}")
                elif entry.is_dir():
                    directories.append(entry)
                elif entry.is_file():
                    names.append(entry.name)
                else:
                    self.passed_over.append(entry.path)
        if names:
            mode = self._mode_for(device, f"{source}/{names[0]}", target)
            self._worklist.add([FilesAsTheyAre(source, target, names, mode, self._umask)])
        for entry in directories:
            # whoever uses the environment may delete it meanwhile
            with suppress(FileNotFoundError):
                self._copy_subdirectory(entry, f"{target}/{entry.name}")

    def _copy_subdirectory(self, entry: os.DirEntry[str], target: str) -> None:
        if entry.path in self._snapshots and _snapshot(entry.path, target):
            self.snapshots_made += 1
            self.links += [f"{target}/{each.name}" for each in os.scandir(entry.path) if each.is_symlink()]
            return
        status = entry.stat()
        mode = stat.S_IMODE(status.st_mode)
        os.mkdir(target, mode | 0o700)
        self.copy_directory(entry.path, target, status.st_dev)
        if mode & (self._umask | _SPECIAL) or mode & 0o700 != 0o700:
            self.modes[target] = mode

    def _link(self, source: str, target: str) -> None:
        with suppress(FileNotFoundError):
            os.symlink(os.readlink(source), target)
            self.links.append(target)

    def _mode_for(self, device: int, source_file: str, target: str) -> FileMode:
        if device not in self._file_modes:
            self._file_modes[device] = self._placer.files.between(source_file, target)
        return self._file_modes[device]


def _is_own_subvolume(path: str) -> bool:
    """Return whether a snapshot of ``path`` would belong to this user, as copies of files do."""
    return is_subvolume(path) and os.lstat(path).st_uid == os.geteuid()


def _snapshot(source: str, target: str) -> bool:
    try:
        snapshot(source, target)
    except OSError as error:
        if error.errno not in _NO_SNAPSHOT:
            raise
        return False
    return True
