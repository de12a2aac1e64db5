"""The content of an archive's members, read without zipfile unless something about them is odd."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, pairwise
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from virtualenv_reflink.cache import inflate

BUFFER = 1 << 20
"""How many bytes are in memory at once; smaller members are read in one piece."""

# APPNOTE.TXT, 4.3.7: signature, 22 bytes that the table of contents has too, lengths of the name and of what follows it
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_SIGNATURE = b"PK\3\4"
# as much as anything but padding puts into a local header after the name
_EXTRA = 256
_RAW_DEFLATE = -15
# 1, 2: how it was deflated; 3: a data descriptor follows it; 11: its name is UTF-8. APPNOTE.TXT, 4.4.4
_HARMLESS_FLAGS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 11


class Members:
    """Reads what members of an archive hold.

    Most of a wheel's files are small, and zipfile takes as long to set about reading one as to inflate it. So a member
    whose header is as the table of contents says is read here. Whatever is odd about one is left to zipfile, whose
    answer is the only one: other compressions, encryption, wrong sizes, checksums or names.
    """

    def __init__(self, archive: ZipFile, stream: BinaryIO) -> None:
        """Take an archive, and the open file that it reads."""
        self._archive = archive
        self._stream = stream
        offsets = sorted(info.header_offset for info in archive.infolist())
        # that of the last one is not known, which therefore counts as odd
        self._ends = dict(pairwise(offsets))

    def chunks(self, info: ZipInfo) -> Iterator[bytes]:
        """Yield the content of a member, in pieces of at most :data:`BUFFER` bytes; one that is empty ends it.

        :raises Exception: of various types, when it is damaged, or cannot be read.
        """
        if info.file_size > BUFFER or info.compress_size > BUFFER:
            yield from self._large(info)
            return
        content = self._small(info)
        if content is None:
            yield from self._by_zipfile(info)
        else:
            yield content

    def _by_zipfile(self, info: ZipInfo) -> Iterator[bytes]:
        with self._archive.open(info) as file:
            while chunk := file.read(BUFFER):
                yield chunk

    def _small(self, info: ZipInfo) -> bytes | None:
        """Return the content of a small member, or None where it is odd."""
        record = self._record(info, info.compress_size)
        begin = self._begin(info, record)
        if begin is None:
            return None
        content = _decompressed(record[begin : begin + info.compress_size], info)
        is_sound = content is not None and len(content) == info.file_size and inflate.crc32(content) == info.CRC
        return content if is_sound else None

    def _large(self, info: ZipInfo) -> Iterator[bytes]:
        """Yield the content of a large member; what is wrong with it is told at its end, as zipfile tells it."""
        begin = self._begin(info, self._record(info, 0))
        if begin is None:
            yield from self._by_zipfile(info)
            return
        pieces = self._pieces(info.header_offset + begin, info.compress_size)
        left, checksum = info.file_size, 0
        with suppress(inflate.error):
            for chunk in pieces if info.compress_type == ZIP_STORED else _inflated(pieces):
                content = chunk[:left]
                left -= len(content)
                checksum = inflate.crc32(content, checksum)
                if content:
                    yield content
                if not left:
                    break
        if checksum != info.CRC:
            for _ in self._by_zipfile(info):
                pass
            raise BadZipFile(f"Bad CRC-32 for file {info.filename!r}")

    def _record(self, info: ZipInfo, size: int) -> bytes:
        """Return the header of a member, and ``size`` bytes of what follows it or more."""
        self._stream.seek(info.header_offset)
        return self._stream.read(_LOCAL_HEADER.size + len(info.orig_filename) + _EXTRA + size)

    def _begin(self, info: ZipInfo, record: bytes) -> int | None:
        """Return where in its record the data of a member begin, or None where it is odd or overlaps another."""
        name = info.orig_filename
        is_known = info.compress_type in (ZIP_STORED, ZIP_DEFLATED) and name.isascii()
        if not is_known or info.flag_bits & ~_HARMLESS_FLAGS or len(record) < _LOCAL_HEADER.size:
            return None
        signature, name_length, more_length = _LOCAL_HEADER.unpack_from(record)
        end_of_name = _LOCAL_HEADER.size + name_length
        begin: int = end_of_name + more_length
        end = self._ends.get(info.header_offset, 0)
        is_sound = (
            signature == _SIGNATURE
            and record[_LOCAL_HEADER.size : end_of_name] == name.encode()
            and info.header_offset + begin + info.compress_size <= end
        )
        return begin if is_sound else None

    def _pieces(self, begin: int, size: int) -> Iterator[bytes]:
        """Yield ``size`` bytes of the archive, or what there is of them."""
        while size > 0:
            self._stream.seek(begin)
            piece = self._stream.read(min(BUFFER, size))
            if not piece:
                return
            yield piece
            begin += len(piece)
            size -= len(piece)


def _decompressed(data: bytes, info: ZipInfo) -> bytes | None:
    """Return what ``data`` decompresses to, or None where it is damaged, or more than was told."""
    if info.compress_type == ZIP_STORED:
        return data
    inflating = inflate.decompressobj(_RAW_DEFLATE)
    try:
        # one byte more than there should be, so that the end of the stream is seen
        content = inflating.decompress(data, info.file_size + 1)
    except inflate.error:
        return None
    return content if inflating.eof else None


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what ``pieces`` inflate to."""
    inflating = inflate.decompressobj(_RAW_DEFLATE)
    for piece in chain(pieces, [b""]):
        while not inflating.eof and (chunk := inflating.decompress(piece, BUFFER)):
            yield chunk
            piece = inflating.unconsumed_tail
