"""A copy of an environment that names the old place, made to name the new one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress

from virtualenv_reflink.forking.bytecode import adapted, bytecode_of
from virtualenv_reflink.forking.candidates import candidates
from virtualenv_reflink.forking.contents import Places, is_binary
from virtualenv_reflink.forking.quoting import TEXT
from virtualenv_reflink.forking.records import Change, changed_records
from virtualenv_reflink.forking.source import CONFIGURATION, Source

# What is larger and no script is a program: no text, and nothing that was written for one place.
_MOST_BYTES_OF_TEXT = 4 << 20


class Repointing:
    """Rewrites files of a copy; their modes and times stay as they are.

    What they hold is read from the source: its files are in memory already, and the kernel knows nothing of the sharing
    when it reads the copy's.
    """

    def __init__(self, source: Source, root: str, places: Places) -> None:
        """Take what was copied, where the copy is for now, and all that has moved."""
        self._source = source
        self._root = root
        self._places = places
        self.files: list[str] = []
        self.written = 0
        self.warnings: list[str] = []

    def repoint(self, links: Iterable[str]) -> None:
        """Rewrite what names an old place, ``links`` among it, which are symbolic links of the copy.

        :raises OSError: when a file cannot be read or written.
        """
        for link in links:
            self._repoint_link(link)
        changes: dict[str, Change] = {}
        for path, rewrite in candidates(self._source):
            content = _text(path)
            if content is None:
                continue
            now = rewrite(content, self._places)
            if now != content:
                changes[path] = Change(content, now)
                self._rewrite(path, now)
            if is_binary(now) and self._places.own.are_named_in(now):
                self._warn(path)
        self._follow(changes)

    def write_configuration(self) -> None:
        """Give the copy what makes it an environment.

        :raises OSError: when it cannot be read or written.
        """
        path = f"{self._source.root}/{CONFIGURATION}"
        with open(path, "rb") as stream:
            self._write(path, self._places.own.in_text(stream.read(), TEXT))

    def _follow(self, changes: dict[str, Change]) -> None:
        """Adapt bytecode and RECORD to what was rewritten."""
        for path, (before, now) in list(changes.items()):
            if path.endswith(".py") and now is not None:
                changes.update(self._adapted_bytecode(path, before, now))
        for library in self._source.libraries:
            for path, now in changed_records(f"{self._source.root}/{library}", changes, self._places.own):
                self._rewrite(path, now)

    def _adapted_bytecode(self, source: str, before: bytes, now: bytes) -> Iterator[tuple[str, Change]]:
        for path in bytecode_of(source):
            with open(path, "rb") as stream:
                old = stream.read()
            new = adapted(old, before, now)
            if new is None:
                # it may be for a source as old and as long as this one, and yet another
                with suppress(FileNotFoundError):
                    os.unlink(self._copy_of(path))
            else:
                self._rewrite(path, new)
            yield path, Change(old, new)

    def _rewrite(self, path: str, content: bytes) -> None:
        # what came into the source since has no copy
        with suppress(FileNotFoundError):
            os.unlink(self._copy_of(path))
            self._write(path, content)

    def _write(self, path: str, content: bytes) -> None:
        """Make the copy of a file, with other content."""
        status = os.stat(path)
        with open(self._copy_of(path), "xb") as stream:
            stream.write(content)
            stream.flush()
            os.chmod(stream.fileno(), stat.S_IMODE(status.st_mode))
            os.utime(stream.fileno(), ns=(status.st_mtime_ns, status.st_mtime_ns))
        self.files.append(self._relative(path))
        self.written += len(content)

    def _repoint_link(self, link: str) -> None:
        target = os.readlink(link)
        moved = self._moved_target(target, os.path.dirname(link))
        if moved != target:
            os.unlink(link)
            os.symlink(moved, link)
            self.files.append(os.path.relpath(link, self._root))

    def _moved_target(self, target: str, directory: str) -> str:
        """Return where a link in ``directory`` of the copy leads that led to ``target`` in the source."""
        source = self._source.root
        before = os.path.normpath(os.path.join(source, os.path.relpath(directory, self._root), target))
        if not os.path.isabs(target) and before.startswith(f"{source}/"):
            return target
        now = self._places.own.of(before)
        if now == before and os.path.exists(self._places.all.of(before)):
            now = self._places.all.of(before)
        same = now == os.path.normpath(os.path.join(directory, target)) or (now == before and os.path.isabs(target))
        return target if same else now

    def _copy_of(self, path: str) -> str:
        return f"{self._root}/{self._relative(path)}"

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self._source.root)

    def _warn(self, path: str) -> None:
        self.warnings.append(f"{self._relative(path)} holds the old path in binary data, which was left as it is")


def _text(path: str) -> bytes | None:
    """Return the content of a file, or None for a program."""
    with open(path, "rb") as stream:
        if os.fstat(stream.fileno()).st_size <= _MOST_BYTES_OF_TEXT or stream.peek(2).startswith(b"#!"):
            return stream.read()
    return None
