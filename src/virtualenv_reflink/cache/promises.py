"""What the RECORD inside a wheel promises of its files, read as leniently as pip reads it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import posixpath
from typing import NamedTuple

_STRONG = ("sha256", "sha384", "sha512")
# shake has digests of any length
_KNOWN = frozenset(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake"))


class Promise(NamedTuple):
    """A row of RECORD: what it says of a file's digest and size, as it says it.

    ``algorithm`` is the one by which the content can be verified, or None where there is none.
    """

    algorithm: str | None
    digest: str
    size: str

    @property
    def is_strong(self) -> bool:
        """Whether the hash is one of those that RECORD is to have, and is worth keeping."""
        return self.algorithm in _STRONG

    def is_kept_by(self, digest: bytes) -> bool:
        """Return whether ``digest`` is the one promised, in whichever of the ways to write it that tools have used."""
        plain = self.digest.rstrip("=").replace("+", "-").replace("/", "_")
        return plain == base64.urlsafe_b64encode(digest).decode().rstrip("=") or self.digest.lower() == digest.hex()


class Promises(NamedTuple):
    """All rows of a RECORD by the path of their file, and how many rows are no such rows."""

    rows: dict[str, list[Promise]]
    malformed: int


def read_promises(record: str) -> Promises:
    """Read the text of a RECORD (Recording installed projects specification).

    Rows that lack or exceed the three fields, or name a file from the root of the archive, count for what they have.

    :raises csv.Error: when it is no CSV.
    """
    rows: dict[str, list[Promise]] = {}
    malformed = 0
    for row in csv.reader(io.StringIO(record, newline="")):
        if not row:
            continue
        malformed += len(row) != 3 or not row[0] or row[0].startswith("/")
        path, hash_, size = (*row, "", "")[:3]
        rows.setdefault(_normal(path), []).append(_promise(hash_, size))
    return Promises(rows, malformed)


def _promise(hash_: str, size: str) -> Promise:
    name, _, digest = hash_.partition("=")
    algorithm, digest = name.strip().lower(), digest.strip()
    return Promise(algorithm if digest and algorithm in _KNOWN else None, digest, size)


def _normal(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/").lstrip("/"))
