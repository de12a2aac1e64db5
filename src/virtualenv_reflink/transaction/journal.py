"""What a change to an environment is about to do, written down before it is done.

The journal is one small file in the root of the environment, there only while the environment is being changed. Each
line is one JSON list. Paths are relative to the root.

    ["aside", PATH, PLACE, PROJECT]  the file PATH of a project is moved to PLACE
    ["directory", PATH]              the directory PATH is made
    ["files", [[PATH, NAMES]...]]    files are made in directories
    ["tree", PATH]                   PATH is made with all that is in it
    ["publish", TREE, PATH]          once all is in place, TREE becomes PATH, or part of the directory that PATH is
    ["replace", TREE, PATH, PLACE]   once all is in place, PATH is moved to PLACE, and TREE becomes PATH
    ["done"]                         all is in place
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from virtualenv_reflink.transaction.steps import Aside, Steps

_NAME = ".virtualenv-reflink-journal"


class Journal:
    """The journal of one environment."""

    def __init__(self, root: str) -> None:
        """Take the root of the environment; nothing is written yet."""
        self._root = root
        self.path = os.path.join(root, _NAME)
        self._fd: int | None = None

    def write(self, steps: Steps) -> None:
        """Write down what is going to be done; it has reached the disk when this returns, fdatasync(2).

        :raises OSError: when that fails; then nothing of it may be done.
        """
        self._append(_rows(steps, self._relative))
        self._flush()

    def write_done(self) -> None:
        """Write down, on the disk, that all is in place: from now on nothing is taken back.

        :raises OSError: when that fails.
        """
        self._append([["done"]])
        self._flush()

    @property
    def written_ns(self) -> int:
        """When something was last written, in nanoseconds since the epoch.

        :raises OSError: when there is no journal.
        """
        return os.stat(self.path).st_mtime_ns

    def read(self) -> Steps | None:
        """Return what an interrupted change was about to do, or None where there is no journal.

        A line that was cut short has never been acted upon.

        :raises OSError: when the journal cannot be read.
        """
        try:
            with open(self.path, encoding="ascii", errors="replace") as stream:
                rows = [row for line in stream if (row := _parsed(line))]
        except FileNotFoundError:
            return None
        return _steps(rows, self._absolute)

    def delete(self) -> None:
        """Delete the journal: the change is over.

        :raises OSError: when that fails.
        """
        self.close()
        with suppress(FileNotFoundError):
            os.unlink(self.path)

    def close(self) -> None:
        """Write nothing more; the journal stays where it is."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _append(self, rows: Iterable[Sequence[Any]]) -> None:
        if self._fd is None:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        data = "".join([f"{json.dumps(row, separators=(',', ':'))}\n" for row in rows]).encode("ascii")
        while data:
            data = data[os.write(self._fd, data) :]

    def _flush(self) -> None:
        assert self._fd is not None
        getattr(os, "fdatasync", os.fsync)(self._fd)

    def _relative(self, path: str) -> str:
        if path.startswith(self._root + os.sep):
            return path[len(self._root) + 1 :]
        return os.path.relpath(path, self._root)

    def _absolute(self, path: str) -> str:
        return os.path.normpath(os.path.join(self._root, path))


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
        else:
            steps.done = True
    return steps


def _parsed(line: str) -> list[Any] | None:
    with suppress(ValueError):
        row = json.loads(line)
        return row if isinstance(row, list) and row else None
    return None
