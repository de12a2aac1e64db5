"""A wheel archive as an installer source that trusts nothing in it."""

from __future__ import annotations

import csv
import hashlib
import re
import stat
from collections.abc import Iterator
from functools import cached_property
from typing import BinaryIO, cast
from zipfile import ZipFile, ZipInfo

from installer.records import InvalidRecordEntry, RecordEntry, parse_record_file
from installer.sources import WheelContentElement, WheelFile
from installer.utils import SCHEME_NAMES

from virtualenv_reflink.cache.record_hash import record_form
from virtualenv_reflink.errors import BadWheelError

_DRIVE = re.compile(r"^[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HASHES = ("sha256", "sha384", "sha512")


class WheelArchive(WheelFile):
    """A wheel whose names are safe, whose entries are files, and whose every byte is checked against RECORD.

    See the binary distribution format specification.
    """

    def __init__(self, archive: ZipFile, wheel: str) -> None:
        """Read the table of contents of ``archive``; ``wheel`` is its file name, for messages.

        :raises BadWheelError: when the file name is not that of a wheel.
        """
        super().__init__(archive)
        self._archive = archive
        self.wheel = wheel

    @property
    def data_dir(self) -> str:
        """Name of the data directory, spelled as the dist-info directory is, which file names may normalize away."""
        return f"{self.dist_info_dir.removesuffix('.dist-info')}.data"

    def check_names(self) -> None:
        """Refuse entries that no wheel may hold, and a RECORD that does not list exactly the files.

        :raises BadWheelError: naming the entry.
        """
        seen: set[str] = set()
        for info in self._archive.infolist():
            self._check_path(info.filename)
            self._check_kind(info)
            if info.filename in seen:
                raise BadWheelError(self.wheel, f"it holds {info.filename!r} twice")
            seen.add(info.filename)
        for info in self._archive.infolist():
            if not info.is_dir():
                self._check_scheme(info.filename)
                self._check_listed(info)
        self._check_complete(seen)

    def get_contents(self) -> Iterator[WheelContentElement]:
        """Yield each file with a stream that fails at its end unless what was read is what RECORD promised.

        Bytecode inside a wheel is left out: it is compiled anew, from sources that can be seen. So is what only an
        installer can know.
        """
        made_anew = {f"{self.dist_info_dir}/{name}" for name in ("INSTALLER", "REQUESTED")}
        for info in self._archive.infolist():
            if info.is_dir() or info.filename in made_anew or "__pycache__" in info.filename.split("/"):
                continue
            mode = info.external_attr >> 16
            executable = stat.S_ISREG(mode) and bool(mode & 0o111)
            with self._archive.open(info) as raw:
                record = self._records.get(info.filename)
                stream = VerifiedStream(cast("BinaryIO", raw), self.wheel, info.filename, record)
                yield (info.filename, "", ""), cast("BinaryIO", stream), executable

    @cached_property
    def _unlisted(self) -> set[str]:
        return {f"{self.dist_info_dir}/{name}" for name in ("RECORD", "RECORD.jws", "RECORD.p7s")}

    @cached_property
    def _records(self) -> dict[str, RecordEntry]:
        if "RECORD" not in self.dist_info_filenames:
            raise BadWheelError(self.wheel, "it has no RECORD")
        rows = parse_record_file(self.read_dist_info("RECORD").splitlines())
        try:
            entries = [RecordEntry.from_elements(*row) for row in rows]
        except (InvalidRecordEntry, csv.Error) as error:
            raise BadWheelError(self.wheel, f"its RECORD has a bad line: {error}") from error
        return {entry.path: entry for entry in entries}

    def _check_path(self, path: str) -> None:
        parts = path.removesuffix("/").split("/")
        unsafe = "\\" in path or _DRIVE.match(path) or _CONTROL.search(path)
        if unsafe or any(part in {"", ".", ".."} for part in parts):
            raise BadWheelError(self.wheel, f"its entry {path!r} is not a plain relative path")

    def _check_kind(self, info: ZipInfo) -> None:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise BadWheelError(self.wheel, f"its entry {info.filename!r} is a link or a device, not a file")

    def _check_scheme(self, path: str) -> None:
        root, _, rest = path.partition("/")
        scheme, _, name = rest.partition("/")
        if root == self.data_dir and (scheme not in SCHEME_NAMES or not name):
            raise BadWheelError(self.wheel, f"its entry {path!r} belongs to no install scheme")

    def _check_listed(self, info: ZipInfo) -> None:
        if info.filename in self._unlisted:
            return
        record = self._records.get(info.filename)
        if record is None or record.hash_ is None or record.hash_.name not in _HASHES:
            raise BadWheelError(self.wheel, f"its entry {info.filename!r} has no hash (SHA-256 or better) in RECORD")
        if record.size is not None and record.size != info.file_size:
            said = f"{info.file_size} bytes where RECORD says {record.size}"
            raise BadWheelError(self.wheel, f"its entry {info.filename!r} has {said}")

    def _check_complete(self, held: set[str]) -> None:
        missing = self._records.keys() - held - self._unlisted
        if missing:
            raise BadWheelError(self.wheel, f"its RECORD lists {min(missing)!r}, which it does not hold")


class VerifiedStream:
    """A file of a wheel that is hashed while it is read."""

    def __init__(self, raw: BinaryIO, wheel: str, path: str, record: RecordEntry | None) -> None:
        self._raw = raw
        self._wheel = wheel
        self._path = path
        self._expected = record.hash_ if record else None
        self._hasher = hashlib.new(self._expected.name) if self._expected else None
        self.size = 0

    @property
    def hash(self) -> str:
        """The hash in RECORD form; empty for the few files that RECORD gives none for."""
        return str(self._expected or "")

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes.

        :raises BadWheelError: when it does not decompress, or at its end when its hash is not the one in RECORD.
        """
        try:
            data = self._raw.read(size)
        except Exception as error:  # every compression fails with a type of its own, bzip2 with OSError
            raise BadWheelError(self._wheel, f"its entry {self._path!r} cannot be read ({error})") from error
        self.size += len(data)
        if self._hasher and self._expected:
            self._hasher.update(data)
            if not data and record_form(self._expected.name, self._hasher.digest()) != self.hash:
                raise BadWheelError(self._wheel, f"the hash of {self._path!r} is not the one in RECORD")
        return data
