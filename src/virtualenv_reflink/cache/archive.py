"""A wheel archive, of which nothing is trusted."""

from __future__ import annotations

import csv
import stat
from collections.abc import Iterator
from functools import cached_property
from typing import BinaryIO, NamedTuple
from zipfile import ZipFile, ZipInfo

from installer.utils import parse_metadata_file
from packaging.utils import canonicalize_name

from virtualenv_reflink.cache.members import Members
from virtualenv_reflink.cache.names import SCHEMES, is_plain_path
from virtualenv_reflink.cache.promises import Promise, Promises, read_promises
from virtualenv_reflink.cache.verified import VerifiedContent, reading
from virtualenv_reflink.errors import BadWheelError

_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")
# What only an installer can know, and writes itself.
_WRITTEN_BY_INSTALLERS = ("INSTALLER", "REQUESTED", "direct_url.json")


class WheelMember(NamedTuple):
    """A file of a wheel: where it belongs, whether it is executable, and what it holds."""

    scheme: str
    path: str
    executable: bool
    content: VerifiedContent


class WheelArchive:
    """A wheel whose names are safe, whose entries are files, and whose bytes are checked against RECORD.

    See the binary distribution format specification. What RECORD says wrongly of files is no reason to refuse them,
    as with pip, unless the hash of one is another: :attr:`mismatches` tells it.
    """

    def __init__(self, archive: ZipFile, stream: BinaryIO, wheel: str) -> None:
        """Take an archive, the open file that it reads, and the file name of the wheel."""
        self._archive = archive
        self._members = Members(archive, stream)
        self.wheel = wheel

    @cached_property
    def dist_info_dir(self) -> str:
        """Name of the only dist-info directory.

        :raises BadWheelError: when there is none, or more than one.
        """
        roots = {info.filename.partition("/")[0] for info in self._archive.infolist()}
        found = sorted(root for root in roots if root.endswith(".dist-info"))
        if len(found) != 1:
            raise BadWheelError(self.wheel, f"it has {len(found)} dist-info directories in place of one")
        return found[0]

    @cached_property
    def root_scheme(self) -> str:
        """The scheme of files that are in no data directory.

        :raises BadWheelError: when its WHEEL is not of a version of the format that is known.
        """
        headers = parse_metadata_file(self.read_dist_info("WHEEL"))
        version = headers["Wheel-Version"]
        if not version or not version.startswith("1."):
            raise BadWheelError(self.wheel, f"its WHEEL gives {version!r} for the version of its format, not 1.x")
        return "purelib" if headers["Root-Is-Purelib"] == "true" else "platlib"

    @property
    def entry_points(self) -> str:
        """The text of entry_points.txt, empty where there is none."""
        return self.read_dist_info("entry_points.txt") if self._has_dist_info("entry_points.txt") else ""

    def read_dist_info(self, filename: str) -> str:
        """Return the text of a file in the dist-info directory.

        :raises BadWheelError: when there is none, or it cannot be read.
        """
        with reading(self.wheel, f"its {filename} cannot be read"):
            return self._archive.read(f"{self.dist_info_dir}/{filename}").decode("utf-8")

    def check(self) -> None:
        """Refuse entries that no wheel may hold, and metadata of another project.

        :raises BadWheelError: naming the entry.
        """
        seen: set[str] = set()
        for info in self._archive.infolist():
            self._check_path(info.filename)
            self._check_kind(info)
            if info.filename in seen and not info.is_dir():
                raise BadWheelError(self.wheel, f"it holds {info.filename!r} twice")
            seen.add(info.filename)
            if not info.is_dir():
                self._check_scheme(info.filename)
        self._check_dist_info()
        if not self._has_dist_info("RECORD"):
            raise BadWheelError(self.wheel, "it has no RECORD")

    def check_identity(self, name: str | None, version: str | None) -> None:
        """Refuse a wheel whose METADATA gives another name than its file name does; versions may differ, as with pip.

        :raises BadWheelError: when it does, or gives no name or no version.
        """
        if not name or canonicalize_name(name) != self._project:
            raise BadWheelError(self.wheel, f"its METADATA gives {name!r} for its name")
        if not version:
            raise BadWheelError(self.wheel, "its METADATA gives no version")

    def members(self) -> Iterator[WheelMember]:
        """Yield each file, to be read before the next one; what it holds fails at its end if RECORD has another hash.

        Bytecode inside a wheel is left out: it is compiled again, from sources that can be seen. So is what only an
        installer can know, and RECORD. The data directory may have any name that ends in ``.data``, as with pip.
        """
        left_out = {f"{self.dist_info_dir}/{name}" for name in (*_WRITTEN_BY_INSTALLERS, "RECORD")}
        for info in self._archive.infolist():
            path = info.filename
            if info.is_dir() or path in left_out or "__pycache__" in path.split("/"):
                continue
            mode = info.external_attr >> 16
            executable = stat.S_ISREG(mode) and bool(mode & 0o111)
            content = VerifiedContent(self._members.chunks(info), self.wheel, path, self._promises_of(path))
            yield WheelMember(*self._place(path), executable, content)

    @cached_property
    def mismatches(self) -> list[str]:
        """What RECORD says wrongly or leaves out, each as a phrase."""
        files = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}
        unhashed = self._unhashed
        rows = self._promises.rows
        listed = {path: info for path, info in files.items() if path not in unhashed}
        found = [_mismatch(path, rows.get(path, []), info.file_size) for path, info in listed.items()]
        found += [f"{path!r} is listed and not there" for path in rows if path not in files and path not in unhashed]
        found += ["rows that are malformed"] * bool(self._promises.malformed)
        return [phrase for phrase in found if phrase]

    @cached_property
    def _unhashed(self) -> set[str]:
        return {f"{self.dist_info_dir}/{name}" for name in _UNHASHED}

    @cached_property
    def _promises(self) -> Promises:
        try:
            return read_promises(self.read_dist_info("RECORD"))
        except csv.Error as error:
            raise BadWheelError(self.wheel, f"its RECORD has a bad line: {error}") from error

    def _promises_of(self, path: str) -> list[Promise]:
        if path in self._unhashed:
            return []
        return [promise for promise in self._promises.rows.get(path, []) if promise.algorithm]

    def _place(self, path: str) -> tuple[str, str]:
        """Return the scheme of a file, and its path there."""
        root, separator, rest = path.partition("/")
        if not (separator and root.endswith(".data")):
            return self.root_scheme, path
        scheme, _, inside = rest.partition("/")
        return scheme, inside

    def _has_dist_info(self, filename: str) -> bool:
        return f"{self.dist_info_dir}/{filename}" in self._archive.NameToInfo

    @property
    def _project(self) -> str:
        return canonicalize_name(self.wheel.partition("-")[0])

    def _check_path(self, path: str) -> None:
        if not is_plain_path(path.removesuffix("/")):
            raise BadWheelError(self.wheel, f"its entry {path!r} is not a plain relative path")

    def _check_kind(self, info: ZipInfo) -> None:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise BadWheelError(self.wheel, f"its entry {info.filename!r} is a link or a device, not a file")

    def _check_scheme(self, path: str) -> None:
        root, _, rest = path.partition("/")
        scheme, _, name = rest.partition("/")
        if root.endswith(".data") and (scheme not in SCHEMES or not name):
            raise BadWheelError(self.wheel, f"its entry {path!r} belongs to no install scheme")

    def _check_dist_info(self) -> None:
        """Refuse a dist-info directory from whose name another project would be read than from the file's."""
        name, _, version = self.dist_info_dir.removesuffix(".dist-info").partition("-")
        if canonicalize_name(name) != self._project or "-" in version:
            raise BadWheelError(self.wheel, f"its {self.dist_info_dir} is not that of {self._project}")


def _mismatch(path: str, promises: list[Promise], size: int) -> str | None:
    if not promises:
        return f"{path!r} is not listed"
    if len(promises) > 1:
        return f"{path!r} is listed more than once"
    promise = promises[0]
    if not promise.algorithm:
        return f"{path!r} has no hash"
    if not promise.is_strong:
        return f"{path!r} has only a hash by {promise.algorithm}"
    return f"{path!r} has {size} bytes in place of {promise.size}" if promise.size not in {"", str(size)} else None
