"""What a change to an environment is about to do, written down before it is done.

The journal is a small directory in the root of the environment, there only while the environment is being changed. It
holds pages, each of which is the target of a symbolic link. A target is metadata, and journaling filesystems keep
changes to metadata in order, so that a power cut leaves no change without the page that tells of it. A file would have
to be flushed for that, which takes up to a tenth of the time in which a small environment is made.

One entry is written at a time: a JSON list of rows, compressed and divided into pages. Paths are relative to the root.

    ["aside", PATH, PLACE, PROJECT]  PATH, which is of a project, is moved to PLACE
    ["directory", PATH]              the directory PATH is made
    ["files", [[PATH, NAMES]...]]    files are made in directories
    ["tree", PATH]                   PATH is made with all that is in it
    ["publish", TREE, PATH]          once all is in place, TREE becomes PATH, or part of the directory that PATH is
    ["replace", TREE, PATH, PLACE]   once all is in place, PATH is moved to PLACE, and TREE becomes PATH
    ["done"]                         all is in place
"""

from __future__ import annotations

import binascii
import errno
import json
import os
import shutil
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from virtualenv_reflink.transaction.interrupted import JOURNAL_NAME
from virtualenv_reflink.transaction.steps import Aside, Steps, delete

# the longest path that a process may name, PATH_MAX in limits.h(0p), and the longest target on XFS, XFS_SYMLINK_MAXLEN
_LONG_PAGE, _SHORT_PAGE = 4000, 1000
_LAST = ".last"
# a journal that is no longer one, while its pages are deleted
_DELETED = f"{JOURNAL_NAME}-deleted"


class Journal:
    """The journal of one environment."""

    def __init__(self, root: str) -> None:
        """Take the root of the environment; nothing is written yet."""
        self._root = root
        self.path = os.path.join(root, JOURNAL_NAME)
        self._entries = 0
        self._page_bytes = _LONG_PAGE

    def write(self, steps: Steps) -> None:
        """Write down what is going to be done.

        :raises OSError: when that fails; then nothing of it may be done.
        """
        self._write_entry(_rows(steps, self._relative))

    def write_done(self) -> None:
        """Write down that all is in place: from now on nothing is taken back.

        :raises OSError: when that fails.
        """
        self._write_entry([["done"]])

    @property
    def begun_ns(self) -> int:
        """When it was begun, in nanoseconds since the epoch.

        :raises OSError: when there is no journal.
        """
        pages = os.listdir(self.path)
        first = f"{self.path}/{min(pages)}" if pages else self.path
        return os.lstat(first).st_mtime_ns

    def read(self) -> Steps | None:
        """Return what an interrupted change was about to do, or None where there is no journal.

        An entry that lacks its last page has never been acted upon, nor has one at the end whose pages are not whole.

        :raises OSError: when the journal cannot be read, is damaged, or is not of this environment's owner.
        """
        try:
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return None
        self._check_owner()
        steps = Steps()
        entries = list(_entries(names))
        for entry in entries:
            try:
                rows = _decoded("".join([_read_page(f"{self.path}/{name}") for name in entry]))
                steps.add(_steps(rows, self._absolute))
            except (ValueError, TypeError, LookupError, zlib.error) as error:
                if entry is not entries[-1]:
                    raise OSError(errno.EIO, "it is damaged", f"{self.path}/{entry[0]}") from error
        return steps

    def delete(self) -> None:
        """Delete the journal: the change is over.

        It stops being a journal at once, since some of its pages would tell of another change than all of them.

        :raises OSError: when that fails.
        """
        doomed = os.path.join(self._root, _DELETED)
        if os.path.lexists(doomed):
            delete(doomed)
        with suppress(FileNotFoundError):
            os.rename(self.path, doomed)
            shutil.rmtree(doomed)

    def _check_owner(self) -> None:
        """Refuse what somebody may have put there who could not change the environment otherwise."""
        status = os.lstat(self.path)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.path)
        if status.st_uid not in {os.geteuid() if hasattr(os, "geteuid") else 0, 0, os.stat(self._root).st_uid}:
            raise PermissionError(errno.EPERM, "it belongs to another user", self.path)

    def _write_entry(self, rows: list[list[Any]]) -> None:
        if not self._entries:
            os.mkdir(self.path)
        text = binascii.b2a_base64(zlib.compress(json.dumps(rows).encode("ascii"), 1), newline=False).decode("ascii")
        number = 0
        while text:
            page, rest = text[: self._page_bytes], text[self._page_bytes :]
            try:
                _write_page(f"{self.path}/{self._entries:04}-{number:06}{'' if rest else _LAST}", page)
            except _TooLongError:
                self._page_bytes = _SHORT_PAGE
                continue
            text = rest
            number += 1
        self._entries += 1

    def _relative(self, path: str) -> str:
        if path.startswith(self._root + os.sep):
            return path[len(self._root) + 1 :]
        return os.path.relpath(path, self._root)

    def _absolute(self, path: str) -> str:
        return os.path.normpath(os.path.join(self._root, path))


def _entries(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the pages of each entry that is complete."""
    pages: list[str] = []
    for name in names:
        if pages and pages[0][:4] != name[:4]:
            pages = []
        pages.append(name)
        if name.endswith(_LAST):
            yield pages
            pages = []


class _TooLongError(Exception):
    """A filesystem has no links to targets of this length."""


def _write_page(path: str, text: str) -> None:
    try:
        os.symlink(text, path)
        return
    except NotImplementedError:
        pass
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG and len(text) > _SHORT_PAGE:
            raise _TooLongError from error
    # where there are no symbolic links
    with open(path, "x", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _read_page(path: str) -> str:
    if os.path.islink(path):
        return os.readlink(path)
    with open(path, encoding="ascii") as stream:
        return stream.read()


def _decoded(text: str) -> list[list[Any]]:
    rows: list[list[Any]] = json.loads(zlib.decompress(binascii.a2b_base64(text)))
    return rows


def _rows(steps: Steps, relative: Callable[[str], str]) -> list[list[Any]]:
    rows: list[list[Any]] = [
        ["aside", relative(path), relative(place), project] for path, place, project in steps.aside
    ]
    rows += [["directory", relative(path)] for path in steps.directories]
    rows += [["files", [[relative(path), names] for path, names in steps.files]]] if steps.files else []
    rows += [["tree", relative(path)] for path in steps.trees]
    rows += [["publish", relative(tree), relative(path)] for tree, path in steps.publish]
    rows += [["replace", *map(relative, paths)] for paths in steps.replace]
    return rows


def _steps(rows: Iterable[list[Any]], absolute: Callable[[str], str]) -> Steps:
    steps = Steps()
    for kind, *words in rows:
        if kind == "aside":
            steps.aside.append(Aside(absolute(words[0]), absolute(words[1]), words[2]))
        elif kind == "directory":
            steps.directories.append(absolute(words[0]))
        elif kind == "files":
            steps.files += [(absolute(path), list(names)) for path, names in words[0]]
        elif kind == "tree":
            steps.trees.append(absolute(words[0]))
        elif kind == "publish":
            steps.publish.append((absolute(words[0]), absolute(words[1])))
        elif kind == "replace":
            steps.replace.append((absolute(words[0]), absolute(words[1]), absolute(words[2])))
        elif kind == "done":
            steps.done = True
    return steps
