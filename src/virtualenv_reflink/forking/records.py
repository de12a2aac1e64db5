"""RECORD once files that it lists were rewritten (Recording installed projects specification)."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterator, Mapping
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
    by_directory: dict[bytes, list[tuple[bytes, Change]]] = {}
    for path, change in listed.items():
        start = _written(path)
        by_directory.setdefault(start[: start.rfind(b"/") + 1], []).append((start, change))
    for name in sorted(os.listdir(library)):
        record = f"{library}/{name}/RECORD"
        if name.endswith(".dist-info") and os.path.isfile(record):
            with open(record, "rb") as stream:
                before = now = stream.read()
            for directory, rows in by_directory.items():
                if directory in before:
                    for start, change in rows:
                        now = _with_row(now, start, change)
            now = moves.in_text(now, TEXT)
            if now != before:
                yield record, now


def _with_row(record: bytes, path: bytes, change: Change) -> bytes:
    """Return ``record`` with the row that starts with ``path`` made true."""
    start = path + b","
    at = 0 if record.startswith(start) else record.find(b"\n" + start) + 1
    if at == 0 and not record.startswith(start):
        return record
    at += len(start)
    end = record.find(b"\n", at)
    row = record[at : len(record) if end < 0 else end]
    value = row.rstrip(b"\r")
    if value != _value(change.before, value):
        return record
    now = b"," if change.now is None else _value(change.now, value)
    return record[:at] + now + record[at + len(value) :]


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
