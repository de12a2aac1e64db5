"""Let the files of one group share their data."""

from __future__ import annotations

import errno
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from typing import NamedTuple

from virtualenv_reflink.filesystem.deduplication import DIFFERS, share_data
from virtualenv_reflink.filesystem.extents import disk_bytes, extents_of, is_same_data
from virtualenv_reflink.sharing.candidates import Candidate, Group

_BLOCK = 4096
# of each of which a descriptor is open at a time
_TARGETS = 25
# a code of our own
_INLINE = -1
INLINE = "inside the metadata of the filesystem"
"""Why a file is passed over that the filesystem keeps where nothing can be shared."""
_REASONS = {
    _INLINE: INLINE,
    errno.EACCES: "not ours to read",
    errno.EPERM: "immutable, or another user's",
    errno.EROFS: "read-only",
    errno.ETXTBSY: "in use",
    errno.EXDEV: "on another filesystem",
    errno.EINVAL: "refused by the filesystem (are some NOCOW, chattr +C?)",
    errno.EOPNOTSUPP: "on a filesystem without reflinks",
    errno.ENOENT: "changed meanwhile",
    errno.ELOOP: "changed meanwhile",
    errno.EAGAIN: "changed meanwhile",
}


class Handled(NamedTuple):
    """What became of a file: its data are shared, they were already, or it was passed over for a ``reason``.

    ``given_back`` is the number of bytes of disk that nothing uses any more.
    """

    file: Candidate
    shared: bool = False
    given_back: int = 0
    reason: str | None = None


def share_group(group: Group, *, dry_run: bool) -> list[Handled]:
    """Share the data of those files of a group that the kernel finds equal; return what became of each other file.

    Of files that are equal, all others get the data of the first, which is not among those returned. In a dry run
    nothing is compared.
    """
    if group.listed:
        return _share(group.files, dry_run=dry_run)
    parts, handled = _by_first_block(group.files)
    for part in parts:
        handled += _share(part, dry_run=dry_run)
    return handled


def _by_first_block(files: Sequence[Candidate]) -> tuple[list[list[Candidate]], list[Handled]]:
    """Return those that begin alike, two or more together, and the files that cannot be read."""
    parts: dict[bytes, list[Candidate]] = defaultdict(list)
    unread = []
    for file in files:
        try:
            with _opened(file) as fd:
                parts[blake2b(os.read(fd, _BLOCK), digest_size=16).digest()].append(file)
        except OSError as error:
            unread.append(_passed_over(file, error.errno))
    return [part for part in parts.values() if len(part) > 1], unread


def _share(files: Sequence[Candidate], *, dry_run: bool) -> list[Handled]:
    handled: list[Handled] = []
    rest = list(files)
    while len(rest) > 1:
        first, *others = rest
        try:
            with _opened(first) as fd:
                source = _Source(first, fd, dry_run=dry_run)
                rest = []
                for start in range(0, len(others), _TARGETS):
                    done, different = source.share(others[start : start + _TARGETS])
                    handled += done
                    rest += different
        except OSError as error:
            handled.append(_passed_over(first, error.errno))
            rest = others
    return handled


class _Target(NamedTuple):
    """An open file that is to get the data of another, and how many bytes of disk only it uses."""

    file: Candidate
    fd: int
    alone: int


class _Source:
    """An open file that others may get the data of."""

    def __init__(self, file: Candidate, fd: int, *, dry_run: bool) -> None:
        """Take it.

        :raises OSError: when nothing can share its data.
        """
        self._fd, self._size, self._dry_run = fd, file.size, dry_run
        self._done = {file.identity}
        self._extents = extents_of(fd)
        if disk_bytes(self._extents).inline:
            raise OSError(_INLINE, "")

    def share(self, files: Sequence[Candidate]) -> tuple[list[Handled], list[Candidate]]:
        """Share with a few files; return what became of those that are the same, and those that are not."""
        handled: list[Handled] = []
        targets: list[_Target] = []
        with ExitStack() as stack:
            for file in files:
                found = self._opened(file, stack)
                if isinstance(found, _Target):
                    targets.append(found)
                else:
                    handled.append(found)
            results = list(zip(targets, self._share([target.fd for target in targets]), strict=True))
        handled += [_handled(target, result) for target, result in results if result != DIFFERS]
        return handled, [target.file for target, result in results if result == DIFFERS]

    def _opened(self, file: Candidate, stack: ExitStack) -> _Target | Handled:
        """Open a file that could get the data; return what became of it where there is nothing to do."""
        if file.identity in self._done:
            # another name of the same file
            return Handled(file)
        self._done.add(file.identity)
        try:
            fd = stack.enter_context(_opened(file))
            alone = self._bytes_alone(fd)
        except OSError as error:
            return _passed_over(file, error.errno)
        return Handled(file) if alone is None else _Target(file, fd, alone)

    def _bytes_alone(self, fd: int) -> int | None:
        """Return how many bytes of disk only this file uses, or None where its data are those of the source already."""
        extents = extents_of(fd)
        if is_same_data(extents, self._extents):
            return None
        taken = disk_bytes(extents)
        if taken.inline:
            raise OSError(_INLINE, "")
        return taken.alone

    def _share(self, fds: list[int]) -> list[int]:
        if self._dry_run or not fds:
            return [0] * len(fds)
        for fd in (self._fd, *fds):
            # the kernel compares page by page, and would wait for the disk as often
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
        try:
            return share_data(self._fd, self._size, fds)
        except OSError as error:
            return [error.errno or errno.EINVAL] * len(fds)


@contextmanager
def _opened(file: Candidate) -> Iterator[int]:
    """Open a file that is still the one that was found.

    :raises OSError: EAGAIN when it is another one.
    """
    fd = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        status = os.fstat(fd)
        if (status.st_dev, status.st_ino) != file.identity or status.st_size != file.size:
            raise OSError(errno.EAGAIN, "")
        yield fd
    finally:
        os.close(fd)


def _handled(target: _Target, result: int) -> Handled:
    return _passed_over(target.file, result) if result else Handled(target.file, shared=True, given_back=target.alone)


def _passed_over(file: Candidate, code: int | None) -> Handled:
    return Handled(file, reason=_REASONS.get(code or 0) or os.strerror(code or 0))
