"""RECORD once files that it lists were rewritten (Recording installed projects specification)."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from virtualenv_reflink.cache.record_hash import record_form
from virtualenv_reflink.environment.record import path_in_record
from virtualenv_reflink.forking.moves import Moves
from virtualenv_reflink.forking.quoting import TEXT


class Change(NamedTuple):
    """What a file held, and what it holds now, or None for bytecode that is yet to be compiled again."""

    before: bytes
    now: bytes | None


def changed_records(library: str, changes: Mapping[str, Change], moves: Moves) -> Iterator[tuple[str, bytes]]:
    """Yield the path of each RECORD in ``library`` that lists one of ``changes``, by path, and what it holds now.

    A row that was not true before stays as it is, so that what users have edited still shows. Some tools write absolute
    paths, which follow ``moves``.

    :raises OSError: when a RECORD cannot be read.
    """
    listed = {path_in_record(path, library): change for path, change in changes.items()}
    listed.update(changes)
    rows = _by_beginning(listed)
    for name in sorted(os.listdir(library)):
        record = f"{library}/{name}/RECORD"
        if name.endswith(".dist-info") and os.path.isfile(record):
            with open(record, "rb") as stream:
                before = stream.read()
            now = moves.in_text(_with_rows(before, rows), TEXT)
            if now != before:
                yield record, now


def _by_beginning(changes: Mapping[str, Change]) -> dict[bytes, dict[bytes, Change]]:
    """Return changes by their fields in a RECORD, and those by what they have in common: a directory, if they name one.

    So a RECORD is searched once for all scripts.
    """
    found: dict[bytes, dict[bytes, Change]] = {}
    for path, change in changes.items():
        field = _written(path) + b","
        found.setdefault(field[: field.rfind(b"/") + 1] or field, {})[field] = change
    return found


def _with_rows(record: bytes, rows: Mapping[bytes, Mapping[bytes, Change]]) -> bytes:
    """Return ``record`` with the rows made true that name one of the changes."""
    for beginning, changes in rows.items():
        if beginning in record:
            pattern = b"\n" + re.escape(beginning) + b"[^\r\n]*"
            record = re.sub(pattern, partial(_true_row, changes), b"\n" + record)[1:]
    return record


def _true_row(changes: Mapping[bytes, Change], found: re.Match[bytes]) -> bytes:
    """Return a row, with the line break before it, as it is true now."""
    row = found.group()
    for field, change in changes.items():
        if row.startswith(field, 1):
            value = row[1 + len(field) :]
            if value == _value(change.before, value):
                return b"\n" + field + (b"," if change.now is None else _value(change.now, value))
    return row


def _value(content: bytes, like: bytes) -> bytes:
    """Return hash and size of ``content`` as a row has them that now has ``like``; nothing for an unknown hash."""
    hash_, _, size = like.partition(b",")
    algorithm = hash_.partition(b"=")[0].decode("ascii", "replace")
    try:
        digest = record_form(algorithm, hashlib.new(algorithm, content).digest()) if hash_ else ""
    except ValueError:
        return b""
    return f"{digest},{len(content) if size else ''}".encode("ascii")


def _written(path: str) -> bytes:
    """Return a path as CSV has it."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="").writerow([path])
    return stream.getvalue().encode("utf-8", "surrogateescape")
