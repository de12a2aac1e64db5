"""Wheel archive to unpacked wheel."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast
from zipfile import BadZipFile, ZipFile

import installer
from installer.destinations import WheelDestination
from installer.exceptions import InstallerError, InvalidWheelSource
from installer.records import RecordEntry
from installer.utils import Scheme, parse_metadata_file
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from virtualenv_reflink.cache.archive import WheelArchive
from virtualenv_reflink.cache.entry_points import script_entry_points
from virtualenv_reflink.cache.manifest import TREE_NAME, Metadata, TreeBuilder, write_tree
from virtualenv_reflink.cache.modes import cached_file_mode
from virtualenv_reflink.cache.verified import VerifiedStream, reading
from virtualenv_reflink.errors import BadWheelError
from virtualenv_reflink.filesystem.allocation import reserve_block

if TYPE_CHECKING:
    from installer.scripts import ScriptSection

_BUFFER = 1 << 20


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

    :raises BadWheelError: when the archive is not a sound wheel or its SHA-256 is not ``key``.
    :raises OSError: when ``entry`` cannot be written.
    """
    with _explained(wheel.name):
        parse_wheel_filename(wheel.name)
        with _opened(wheel, key) as archive:
            source = WheelArchive(archive, wheel.name)
            source.check()
            installer.install(source, _UnpackedDestination(entry, source), {})


@contextmanager
def _opened(wheel: Path, key: str) -> Iterator[ZipFile]:
    try:
        stream = wheel.open("rb")
    except OSError as error:
        raise BadWheelError(wheel.name, f"it cannot be read ({error.strerror})") from error
    with stream:
        with reading(wheel.name, "it cannot be read"):
            digest = _digest(stream)
        if digest != key:
            raise BadWheelError(wheel.name, "it changed while it was read")
        with reading(wheel.name, "it is not a sound zip archive"):
            archive = ZipFile(stream)
        with archive:
            yield archive


@contextmanager
def _explained(wheel: str) -> Iterator[None]:
    try:
        yield
    except BadWheelError:
        raise
    except InvalidWheelFilename as error:
        raise BadWheelError(wheel, f"its name is not that of a wheel ({error})") from error
    except InvalidWheelSource as error:
        raise BadWheelError(wheel, f"it is not a sound wheel ({error.args[-1]})") from error
    except RecursionError as error:
        raise BadWheelError(wheel, "one of its entries is in too many directories, one in another") from error
    except (InstallerError, BadZipFile, ValueError) as error:
        raise BadWheelError(wheel, f"it is not a sound wheel ({' '.join(str(error).split())})") from error


def _digest(stream: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while data := stream.read(_BUFFER):
        hasher.update(data)
    stream.seek(0)
    return hasher.hexdigest()


class _UnpackedDestination(WheelDestination):
    """Writes read-only files by scheme and notes the rest in the manifest, to be generated in each environment."""

    def __init__(self, entry: Path, source: WheelArchive) -> None:
        self._entry = entry
        self._source = source
        self._mtime_ns = time.time_ns()
        self._modes = {executable: cached_file_mode(executable=executable) for executable in (True, False)}
        self._builder = TreeBuilder()
        self._made: set[str] = set()
        self._headers = parse_metadata_file(source.read_dist_info("METADATA"))
        source.check_identity(self._headers["Name"], self._headers["Version"])
        self._entry_points = script_entry_points(source.entry_points, source.wheel)
        self._rewritten_scripts: list[str] = []

    def write_script(self, name: str, module: str, attr: str, section: ScriptSection) -> RecordEntry:
        raise NotImplementedError("entry points are read by us")

    def write_file(
        self, scheme: Scheme, path: str | os.PathLike[str], stream: BinaryIO, is_executable: bool
    ) -> RecordEntry:
        relative = os.fspath(path)
        verified = cast("VerifiedStream", stream)
        if scheme == "scripts" and self._is_entry_point_wrapper(relative):
            while verified.read(_BUFFER):
                pass
        else:
            self._write(scheme, relative, verified, executable=is_executable)
        return RecordEntry(relative, None, None)

    def finalize_installation(self, scheme: Scheme, record_file_path: str, records: object) -> None:  # noqa: ARG002
        headers, source = self._headers, self._source
        metadata = Metadata(
            wheel=source.wheel,
            distribution=headers["Name"].strip(),
            version=headers["Version"].strip(),
            dist_info=source.dist_info_dir,
            root_scheme=scheme,
            requires_python=headers.get("Requires-Python"),
            requires_dist=headers.get_all("Requires-Dist", []),
            entry_points=self._entry_points,
            rewritten_scripts=self._rewritten_scripts,
            warnings=_warnings(source.mismatches),
        )
        write_tree(self._entry, self._builder, self._mtime_ns, metadata)

    def _write(self, scheme: str, path: str, stream: VerifiedStream, *, executable: bool) -> None:
        target = f"{self._entry}/{TREE_NAME}/{scheme}/{path}"
        parent = os.path.dirname(target)
        try:
            if parent not in self._made:
                os.makedirs(parent, exist_ok=True)
                self._made.add(parent)
            with open(target, "xb") as file:
                first = stream.read(_BUFFER)
                reserve_block(file.fileno(), len(first))
                file.write(first)
                shutil.copyfileobj(stream, file, _BUFFER)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise BadWheelError(
                self._source.wheel, f"its entry {path!r} collides with another of its entries"
            ) from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise BadWheelError(self._source.wheel, f"its entry {path!r} has too long a name") from error
        os.utime(target, ns=(self._mtime_ns, self._mtime_ns))
        os.chmod(target, self._modes[executable])
        if scheme == "scripts" and first.startswith(b"#!python"):
            self._rewritten_scripts.append(path)
        self._builder.add(scheme, path, executable=executable, size=stream.size, hash_=stream.hash)

    def _is_entry_point_wrapper(self, path: str) -> bool:
        """Whether a script is what old setuptools baked in for an entry point; pip leaves those out too."""
        name = path.lower()
        for suffix in (".exe", "-script.py", ".pya"):
            if name.endswith(suffix):
                path = path[: -len(suffix)]
        return any(path == entry_point.name for entry_point in self._entry_points)


def _warnings(mismatches: list[str]) -> list[str]:
    if not mismatches:
        return []
    more = f" and {len(mismatches) - 1} more" if len(mismatches) > 1 else ""
    return [f"its RECORD is wrong ({mismatches[0]}{more}); what was really unpacked is recorded instead"]
