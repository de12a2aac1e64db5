"""The RECORD of an installed wheel (Recording installed projects specification)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache

from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel
from virtualenv_reflink.cache.record_hash import hash_of
from virtualenv_reflink.environment.environment import Environment

Row = tuple[str, str, str]


class Recorder:
    """Names the files of one wheel in one environment as its RECORD does: relative to where its dist-info is."""

    def __init__(self, wheel: UnpackedWheel, environment: Environment) -> None:
        self._metadata = wheel.metadata
        library = environment.scheme(self._metadata.root_scheme, self._metadata.distribution)
        self._prefixes: dict[str, str] = {}
        for scheme in ("purelib", "platlib", "scripts", "headers", "data"):
            place = environment.scheme(scheme, self._metadata.distribution)
            self._prefixes[scheme] = _prefix(place, library)

    def placed(self, tree: Tree, left_out: frozenset[str] = frozenset()) -> Iterator[Row]:
        """Yield a row for each file of an unpacked wheel."""
        for scheme, directories in tree.schemes.items():
            without = left_out if scheme == "scripts" else frozenset()
            for directory in directories:
                parent = self._prefixes[scheme] + (f"{directory.path}/" if directory.path else "")
                table = directory.without(without)
                names = [parent + name for name in table.each_name()]
                yield from zip(names, table.each_hash(), table.each_size(), strict=True)

    def compiled(self, tree: Tree, left_out: frozenset[str] = frozenset()) -> Iterator[Row]:
        """Yield a row for each file of bytecode, which has neither hash nor size, as pip writes it."""
        for path, _, _ in self.placed(tree, left_out):
            yield path, "", ""

    def generated(self, scheme: str, path: str, content: bytes) -> Row:
        """Return the row of a file made for this environment, with its true hash."""
        return self._prefixes[scheme] + path, hash_of(content), str(len(content))

    def text(self, rows: list[Row]) -> bytes:
        """Return the RECORD file that lists ``rows`` and itself."""
        return text_of([*rows, (f"{self._metadata.dist_info}/RECORD", "", "")])


@lru_cache
def _prefix(place: str, library: str) -> str:
    path = path_in_record(place, library)
    return "" if path == "." else f"{path}/"


def path_in_record(file: str, library: str) -> str:
    """Return how the RECORD of a distribution in ``library`` names a file."""
    return os.path.relpath(file, library).replace(os.sep, "/")


def with_other_paths(record: bytes, paths: Mapping[str, str]) -> bytes:
    """Return a RECORD in which ``paths`` take the place of others."""
    import csv  # few RECORDs change

    rows = csv.reader(record.decode("utf-8", "surrogateescape").splitlines(keepends=True))
    return text_of([(paths.get(path, path), hash_, size) for path, hash_, size in filter(None, rows)])


def text_of(rows: list[Row]) -> bytes:
    """Return ``rows`` as RECORD has them, sorted."""
    listed = sorted(rows)
    text = "".join([f"{path},{hash_},{size}\r\n" for path, hash_, size in listed])
    if '"' in text or text.count(",") != 2 * len(listed) or text.count("\n") != len(listed):
        text = _quoted(listed)
    return text.encode("utf-8", "surrogateescape")


def _quoted(rows: list[Row]) -> str:
    """Return rows as CSV; few need that much care, and all of a large environment's take long."""
    import csv
    import io

    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return stream.getvalue()
