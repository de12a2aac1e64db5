"""Hashes as RECORD has them (Recording installed projects specification)."""

from __future__ import annotations

import base64
import hashlib

_BUFFER = 1 << 20


def record_form(algorithm: str, digest: bytes) -> str:
    """Return a digest in the form of RECORD: ``sha256=`` and URL-safe base64 without padding."""
    return f"{algorithm}={base64.urlsafe_b64encode(digest).decode('ascii').rstrip('=')}"


def hash_of(content: bytes) -> str:
    """Return the SHA-256 of ``content`` in the form of RECORD."""
    return record_form("sha256", hashlib.sha256(content).digest())


def hash_of_file(path: str, algorithm: str = "sha256") -> str:
    """Return the hash of a file in the form of RECORD.

    :raises OSError: when it cannot be read.
    """
    hasher = hashlib.new(algorithm)
    with open(path, "rb", buffering=0) as stream:
        while data := stream.read(_BUFFER):
            hasher.update(data)
    return record_form(algorithm, hasher.digest())
