"""A package index on this machine, as PyPI is one: what resolves need not wait for a network."""

from __future__ import annotations

import hashlib
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from re import fullmatch
from threading import Thread

from packaging.utils import parse_wheel_filename

_PAGES_LAST, _FILES_LAST = "max-age=600, public", "max-age=365000000, immutable, public"


def serve(wheels: Path, directory: Path) -> str:
    """Write pages for all wheels into ``directory``, serve them until this process ends, and return the address.

    Metadata of a wheel is served beside it (PEP 658), and answers may be kept for as long as those of PyPI.
    """
    _write(wheels, directory)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(directory)))
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/simple/"


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # else each answer waits for the client to acknowledge its head
    disable_nagle_algorithm = True

    def end_headers(self) -> None:
        self.send_header("Cache-Control", _FILES_LAST if self.path.startswith("/files/") else _PAGES_LAST)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _write(wheels: Path, directory: Path) -> None:
    files = directory / "files"
    files.mkdir(parents=True)
    for wheel in sorted(wheels.glob("*.whl")):
        (files / wheel.name).symlink_to(wheel)
        metadata = _metadata(wheel)
        (files / f"{wheel.name}.metadata").write_bytes(metadata)
        page = directory / "simple" / parse_wheel_filename(wheel.name)[0] / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        told = f'data-core-metadata="sha256={hashlib.sha256(metadata).hexdigest()}"'
        with wheel.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        with page.open("a", encoding="utf-8") as text:
            text.write(f'<a href="/files/{wheel.name}#sha256={digest}" {told}>{wheel.name}</a>\n')


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if fullmatch(r"[^/]+\.dist-info/METADATA", name)))
