"""The RECORD of an installed wheel (Recording installed projects specification)."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
from collections.abc import Iterator

from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel
from virtualenv_reflink.install.environment import Environment

Row = tuple[str, str, str]


class Recorder:
    """Names the files of one wheel in one environment as its RECORD does: relative to where its dist-info is."""

    def __init__(self, wheel: UnpackedWheel, environment: Environment) -> None:
        self._metadata = wheel.metadata
        library = environment.scheme(self._metadata.root_scheme, self._metadata.distribution)
        self._prefixes: dict[str, str] = {}
        for scheme in ("purelib", "platlib", "scripts", "headers", "data"):
            place = os.path.relpath(environment.scheme(scheme, self._metadata.distribution), library)
            self._prefixes[scheme] = "" if place == "." else f"{place.replace(os.sep, '/')}/"

    def placed(self, tree: Tree, left_out: frozenset[str] = frozenset()) -> Iterator[Row]:
        """Yield a row for each file of a tree; bytecode has neither hash nor size in its row, as pip writes it."""
        for scheme in tree.schemes:
            prefix = self._prefixes[scheme]
            for path, file in tree.files(scheme):
                if not (scheme == "scripts" and path in left_out):
                    yield prefix + path, file.hash, str(file.size) if file.hash else ""

    def generated(self, scheme: str, path: str, content: bytes) -> Row:
        """Return the row of a file made for this environment, with its true hash."""
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode("ascii").rstrip("=")
        return self._prefixes[scheme] + path, f"sha256={digest}", str(len(content))

    def text(self, rows: list[Row]) -> bytes:
        """Return the RECORD file that lists ``rows`` and itself."""
        stream = io.StringIO(newline="")
        csv.writer(stream).writerows(sorted([*rows, (f"{self._metadata.dist_info}/RECORD", "", "")]))
        return stream.getvalue().encode("utf-8", "surrogateescape")
