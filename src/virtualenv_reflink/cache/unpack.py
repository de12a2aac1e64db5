"""Wheel archive to unpacked wheel."""

from __future__ import annotations

import configparser
import errno
import hashlib
import os
import shutil
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast
from zipfile import BadZipFile, ZipFile

import installer
from installer.destinations import WheelDestination
from installer.exceptions import InstallerError, InvalidWheelSource
from installer.records import RecordEntry
from installer.scripts import Script
from installer.utils import Scheme, parse_metadata_file
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from virtualenv_reflink.cache.archive import VerifiedStream, WheelArchive
from virtualenv_reflink.cache.manifest import TREE_NAME, EntryPoint, Metadata, TreeBuilder, write_tree
from virtualenv_reflink.cache.modes import cached_file_mode
from virtualenv_reflink.errors import BadWheelError
from virtualenv_reflink.filesystem.allocation import reserve_block

if TYPE_CHECKING:
    from installer.scripts import ScriptSection

_BUFFER = 1 << 20
_UNREADABLE = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, LookupError, UnicodeError)


def archive_digest(wheel: Path) -> str:
    """Return the SHA-256 of a wheel archive, in hexadecimal.

    :raises OSError: when it cannot be read.
    """
    with wheel.open("rb") as stream:
        return _digest(stream)


def unpack(wheel: Path, key: str, entry: Path) -> None:
    """Unpack ``wheel`` into the empty directory ``entry``, with its manifest; every file is verified on the way.

    :raises BadWheelError: when the archive is not a sound wheel or its SHA-256 is not ``key``.
    :raises OSError: when it cannot be read or ``entry`` cannot be written.
    """
    with _explained(wheel.name), wheel.open("rb") as stream:
        parse_wheel_filename(wheel.name)
        if _digest(stream) != key:
            raise BadWheelError(wheel.name, "it changed while it was read")
        with ZipFile(stream) as archive:
            source = WheelArchive(archive, wheel.name)
            source.check_names()
            destination = _UnpackedDestination(entry, source)
            installer.install(source, destination, {})


@contextmanager
def _explained(wheel: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except BadWheelError:
        raise
    except InvalidWheelFilename as error:
        raise BadWheelError(wheel, f"its name is not that of a wheel ({error})") from error
    except BadZipFile as error:
        raise BadWheelError(wheel, f"it is not a sound zip archive ({error})") from error
    except InvalidWheelSource as error:
        raise BadWheelError(wheel, f"it is not a sound wheel ({error.args[-1]})") from error
    except (AssertionError, AttributeError, configparser.Error) as error:
        # what installer's entry point parser raises for a line it cannot read
        raise BadWheelError(wheel, "its entry_points.txt has a line that names no function") from error
    except (InstallerError, ValueError, *_UNREADABLE) as error:
        raise BadWheelError(wheel, f"it is not a sound wheel ({error})") from error


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
        self._builder = TreeBuilder()
        self._made: set[str] = set()
        self._entry_points: list[EntryPoint] = []
        self._rewritten_scripts: list[str] = []

    def write_script(self, name: str, module: str, attr: str, section: ScriptSection) -> RecordEntry:
        if not _is_plain_name(name):
            raise BadWheelError(self._source.wheel, f"its entry point {name!r} is not a plain file name")
        _, script = Script(name, module, attr, section).generate("python", "posix")
        code = script.decode("utf-8").partition("\n")[2]
        self._entry_points.append(EntryPoint(name, module, attr, section, code))
        return RecordEntry(name, None, None)

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
        headers = parse_metadata_file(self._source.read_dist_info("METADATA"))
        metadata = Metadata(
            wheel=self._source.wheel,
            distribution=self._source.distribution,
            version=self._source.version,
            dist_info=self._source.dist_info_dir,
            root_scheme=scheme,
            requires_python=headers.get("Requires-Python"),
            requires_dist=headers.get_all("Requires-Dist", []),
            entry_points=self._entry_points,
            rewritten_scripts=self._rewritten_scripts,
            warnings=[],
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
        os.chmod(target, cached_file_mode(executable=executable))
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


def _is_plain_name(name: str) -> bool:
    return bool(name) and name not in {".", ".."} and name.isprintable() and not set(name) & set("/\\:")
