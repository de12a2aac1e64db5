"""What a kernel or a dynamic linker maps into memory: told by the first bytes of a file, whatever its name is."""

from __future__ import annotations

from typing import BinaryIO

from virtualenv_reflink.filesystem.source import source_error

_ELF = b"\x7fELF"
_MACH_O = frozenset({b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"})
_UNIVERSAL = b"\xca\xfe\xba\xbe"
# where a universal binary has the number of its architectures, Java has the version of a class, which began with 45
_FIRST_JAVA = 45
_DOS = b"MZ"
_PE = b"PE\0\0"
_HEADER = 64


def is_shared_object(path: str) -> bool:
    """Return whether a file is ELF, Mach-O or PE; executables are no different from libraries.

    See elf(5), mach-o/loader.h and mach-o/fat.h, and the PE format specification.

    :raises SourceError: when it cannot be read.
    """
    try:
        with open(path, "rb", buffering=0) as stream:
            header = stream.read(_HEADER) or b""
            return header[:4] == _ELF or header[:4] in _MACH_O or _is_universal(header) or _is_pe(header, stream)
    except OSError as error:
        raise source_error(error, path) from error


def _is_universal(header: bytes) -> bool:
    return header[:4] == _UNIVERSAL and int.from_bytes(header[4:8], "big") < _FIRST_JAVA


def _is_pe(header: bytes, stream: BinaryIO) -> bool:
    if header[:2] != _DOS or len(header) < _HEADER:
        return False
    stream.seek(int.from_bytes(header[60:64], "little"))
    return stream.read(len(_PE)) == _PE
