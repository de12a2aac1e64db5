"""The content of an archive's members: small ones at once, all others as zipfile reads them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

BUFFER = 1 << 20
"""How many bytes are in memory at once; smaller members are read in one piece."""

# APPNOTE.TXT, 4.3.7: signature, 22 bytes that the table of contents has too, lengths of the name and of what follows it
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_SIGNATURE = b"PK\3\4"
_RAW_DEFLATE = -15
# 1, 2: how it was deflated; 3: a data descriptor follows it; 11: its name is UTF-8. APPNOTE.TXT, 4.4.4
_HARMLESS_FLAGS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 11


class Members:
    """Reads what members of an archive hold.

    Most of a wheel's files are small, and zipfile takes as long to set about reading one as to inflate it. So a small
    one that is as the table of contents says in all respects is read in one piece. Whatever is odd about a member is
    left to zipfile, whose answer is the only one: other compressions, encryption, wrong sizes, checksums or names.
    """

    def __init__(self, archive: ZipFile, stream: BinaryIO) -> None:
        """Take an archive, and the open file that it reads."""
        self._archive = archive
        self._stream = stream
        offsets = sorted(info.header_offset for info in archive.infolist())
        # that of the last one is not known, which therefore counts as odd
        self._ends = dict(pairwise(offsets))

    def chunks(self, info: ZipInfo) -> Iterator[bytes]:
        """Yield the content of a member, in pieces of at most :data:`BUFFER` bytes.

        :raises Exception: of various types, when it is damaged, or cannot be read.
        """
        content = self._small(info)
        if content is not None:
            yield content
            return
        with self._archive.open(info) as file:
            while chunk := file.read(BUFFER):
                yield chunk

    def _small(self, info: ZipInfo) -> bytes | None:
        """Return the content of a small member, or None where it is large or odd."""
        if info.file_size > BUFFER or info.compress_size > BUFFER or info.flag_bits & ~_HARMLESS_FLAGS:
            return None
        data = self._compressed(info)
        content = None if data is None else _decompressed(data, info)
        is_sound = content is not None and len(content) == info.file_size and zlib.crc32(content) == info.CRC
        return content if is_sound else None

    def _compressed(self, info: ZipInfo) -> bytes | None:
        """Return a member as it is stored, or None where its header is not the expected one or it overlaps another."""
        end = self._ends.get(info.header_offset, 0)
        name = info.orig_filename
        if not name.isascii():
            return None
        self._stream.seek(info.header_offset)
        header = self._stream.read(_LOCAL_HEADER.size)
        if len(header) != _LOCAL_HEADER.size:
            return None
        signature, name_length, more_length = _LOCAL_HEADER.unpack(header)
        begin = info.header_offset + _LOCAL_HEADER.size + name_length + more_length
        if signature != _SIGNATURE or begin + info.compress_size > end:
            return None
        stored_name = self._stream.read(name_length + more_length)[:name_length]
        return self._stream.read(info.compress_size) if stored_name == name.encode() else None


def _decompressed(data: bytes, info: ZipInfo) -> bytes | None:
    """Return what ``data`` decompresses to, or None where it is not deflated, damaged, or more than was told."""
    if info.compress_type == ZIP_STORED:
        return data
    if info.compress_type != ZIP_DEFLATED:
        return None
    inflating = zlib.decompressobj(_RAW_DEFLATE)
    try:
        # one byte more than there should be, so that the end of the stream is seen
        content = inflating.decompress(data, info.file_size + 1)
    except zlib.error:
        return None
    return content if inflating.eof else None
