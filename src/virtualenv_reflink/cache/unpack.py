"""Wheel archive to unpacked wheel."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

from installer.utils import parse_metadata_file
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from virtualenv_reflink.cache.archive import WheelArchive, WheelMember
from virtualenv_reflink.cache.entry_points import script_entry_points
from virtualenv_reflink.cache.manifest import TREE_NAME, Metadata, TreeBuilder, write_tree
from virtualenv_reflink.cache.members import BUFFER
from virtualenv_reflink.cache.modes import cached_file_mode, make_directories
from virtualenv_reflink.cache.verified import reading
from virtualenv_reflink.errors import BadWheelError, OtherWheelError
from virtualenv_reflink.filesystem.allocation import reserve_block
from virtualenv_reflink.filesystem.permissions import create_file


def archive_digest(wheel: Path) -> str:
    """Return the SHA-256 of a wheel archive, in hexadecimal.

    :raises OSError: when it cannot be read.
    """
    with wheel.open("rb") as stream:
        return _digest(stream)


def unpack(wheel: Path, key: str, entry: Path) -> None:
    """Unpack ``wheel`` into the empty directory ``entry``, with its manifest; every file is verified on the way.

    Where RECORD is wrong about files, but not about the hash of one, the manifest has what was really written, and a
    warning.

    :raises OtherWheelError: when the SHA-256 of the archive is not ``key``.
    :raises BadWheelError: when it is not a sound wheel.
    :raises OSError: when ``entry`` cannot be written.
    """
    with _explained(wheel.name):
        parse_wheel_filename(wheel.name)
        with _opened(wheel, key) as (archive, stream):
            source = WheelArchive(archive, stream, wheel.name)
            source.check()
            _Unpacking(source, entry).run()


@contextmanager
def _opened(wheel: Path, key: str) -> Iterator[tuple[ZipFile, BinaryIO]]:
    try:
        stream = wheel.open("rb")
    except OSError as error:
        raise BadWheelError(wheel.name, f"it cannot be read ({error.strerror})") from error
    with stream:
        with reading(wheel.name, "it cannot be read"):
            digest = _digest(stream)
        if digest != key:
            raise OtherWheelError(wheel.name, digest)
        with reading(wheel.name, "it is not a sound zip archive"):
            archive = ZipFile(stream)
        with archive:
            yield archive, stream


@contextmanager
def _explained(wheel: str) -> Iterator[None]:
    try:
        yield
    except BadWheelError:
        raise
    except InvalidWheelFilename as error:
        raise BadWheelError(wheel, f"its name is not that of a wheel ({error})") from error
    except RecursionError as error:
        raise BadWheelError(wheel, "one of its entries is in too many directories, one in another") from error
    except (BadZipFile, ValueError) as error:
        raise BadWheelError(wheel, f"it is not a sound wheel ({' '.join(str(error).split())})") from error


def _digest(stream: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while data := stream.read(BUFFER):
        hasher.update(data)
    stream.seek(0)
    return hasher.hexdigest()


class _Unpacking:
    """Writes read-only files by scheme and notes the rest in the manifest, to be generated in each environment."""

    def __init__(self, source: WheelArchive, entry: Path) -> None:
        self._entry = entry
        self._source = source
        self._mtime_ns = time.time_ns()
        self._modes = {executable: cached_file_mode(executable=executable) for executable in (True, False)}
        self._builder = TreeBuilder()
        self._made: set[str] = set()
        self._rewritten_scripts: list[str] = []

    def run(self) -> None:
        """Write all of it."""
        source, root_scheme = self._source, self._source.root_scheme
        headers = parse_metadata_file(source.read_dist_info("METADATA"))
        source.check_identity(headers["Name"], headers["Version"])
        entry_points = script_entry_points(source.entry_points, source.wheel)
        self._write_all({entry_point.name for entry_point in entry_points})
        metadata = Metadata(
            wheel=source.wheel,
            distribution=headers["Name"].strip(),
            version=headers["Version"].strip(),
            dist_info=source.dist_info_dir,
            root_scheme=root_scheme,
            requires_python=headers.get("Requires-Python"),
            requires_dist=headers.get_all("Requires-Dist", []),
            entry_points=entry_points,
            rewritten_scripts=self._rewritten_scripts,
            warnings=_warnings(source.mismatches),
        )
        write_tree(self._entry, self._builder, self._mtime_ns, metadata)

    def _write_all(self, generated: set[str]) -> None:
        """Write all files but scripts that are ``generated``, which are merely verified."""
        for member in self._source.members():
            if member.scheme == "scripts" and _without_wrapper_suffix(member.path) in generated:
                for _ in member.content:
                    pass
            else:
                self._write(member)

    def _write(self, member: WheelMember) -> None:
        scheme, path, executable, content = member
        target = f"{self._entry}/{TREE_NAME}/{scheme}/{path}"
        try:
            self._make_parent(target)
            first = _written(target, self._modes[executable], content)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise BadWheelError(
                self._source.wheel, f"its entry {path!r} collides with another of its entries"
            ) from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise BadWheelError(self._source.wheel, f"its entry {path!r} has too long a name") from error
        os.utime(target, ns=(self._mtime_ns, self._mtime_ns))
        if scheme == "scripts" and first.startswith(b"#!python"):
            self._rewritten_scripts.append(path)
        self._builder.add(scheme, path, executable=executable, size=content.size, hash_=content.hash)

    def _make_parent(self, target: str) -> None:
        parent = target.rpartition("/")[0]
        if parent not in self._made:
            make_directories(parent)
            self._made.add(parent)


def _written(target: str, mode: int, content: Iterable[bytes]) -> bytes:
    """Write a new file, and return the first piece of its content."""
    fd = create_file(target, mode)
    try:
        chunks = iter(content)
        first = next(chunks, b"")
        reserve_block(fd, len(first))
        for chunk in chain((first,), chunks):
            _write_whole(fd, chunk)
        return first
    finally:
        os.close(fd)


def _write_whole(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def _without_wrapper_suffix(path: str) -> str:
    """Return which entry point a script is for, if it is what old setuptools baked in; pip leaves those out too."""
    name = path.lower()
    for suffix in (".exe", "-script.py", ".pya"):
        if name.endswith(suffix):
            path = path[: -len(suffix)]
    return path


def _warnings(mismatches: list[str]) -> list[str]:
    if not mismatches:
        return []
    more = f" and {len(mismatches) - 1} more" if len(mismatches) > 1 else ""
    return [f"its RECORD is wrong ({mismatches[0]}{more}); what was really unpacked is recorded instead"]
