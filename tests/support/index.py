"""A package index on this machine that counts what is asked of it, and misbehaves where it is told to."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from packaging.utils import canonicalize_name


class Index(ThreadingHTTPServer):
    """Serves the wheels and sdists of a directory (simple repository API)."""

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.directory = directory
        self.asked: list[str] = []
        self.status = 200
        self.seconds = 0.0
        self.body: bytes | None = None
        self.credentials: str | None = None

    @property
    def url(self) -> str:
        """Where the index is."""
        return f"http://127.0.0.1:{self.server_address[1]}/simple/"

    def file_url(self, name: str) -> str:
        """Where a file is."""
        return f"http://127.0.0.1:{self.server_address[1]}/files/{name}"

    def with_credentials(self, url: str) -> str:
        """Return an address with what the index asks for."""
        return url.replace("://", f"://{self.credentials}@")

    def page(self, name: str) -> bytes:
        """The page of a project; it lists what the directory has now."""
        files = [path for path in sorted(self.directory.iterdir()) if _project(path) == name]
        links = [f'<a href="/files/{path.name}#sha256={_sha256(path)}">{path.name}</a>' for path in files]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


@contextmanager
def serving(directory: Path) -> Iterator[Index]:
    """Serve ``directory`` for the time being."""
    with Index(directory) as index:
        thread = Thread(target=index.serve_forever, daemon=True)
        thread.start()
        try:
            yield index
        finally:
            index.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        time.sleep(self.server.seconds)
        kind, _, name = self.path.partition("?")[0].strip("/").partition("/")
        file = self.server.directory / name
        if self.server.credentials and self.headers.get("Authorization") != _basic(self.server.credentials):
            self._answer(401, b"no", asks_for_credentials=True)
        elif self.server.status != 200 or (kind == "files" and not file.is_file()):
            self._answer(self.server.status if self.server.status != 200 else 404, b"no")
        elif self.server.body is not None:
            self._answer(200, self.server.body)
        elif kind == "files":
            self._answer(200, file.read_bytes(), "application/octet-stream")
        else:
            self._answer(200, self.server.page(name))

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, body: bytes, kind: str = "text/html", *, asks_for_credentials: bool = False) -> None:
        self.send_response(status)
        if asks_for_credentials:
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(BrokenPipeError):  # who asked may have lost patience
            if self.command != "HEAD":
                self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def _project(path: Path) -> str:
    return canonicalize_name(path.name.split("-")[0]) if path.suffix in {".whl", ".gz"} else ""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_lock(path: Path, url: str, directory: Path, sha256: str | None = None, **table: str) -> None:
    """Write a lock by hand."""
    name = url.rpartition("/")[2]
    digest = sha256 or hashlib.sha256((directory / name).read_bytes()).hexdigest()
    top = {"lock-version": "1.0", "created-by": "tests", **table}
    lines = [f'{key} = "{value}"' if not value.startswith("[") else f"{key} = {value}" for key, value in top.items()]
    project, version = name.split("-")[:2]
    lines += ["[[packages]]", f'name = "{project.replace("_", "-")}"', f'version = "{version}"']
    lines += ["[[packages.wheels]]", f'url = "{url}"', f'hashes = {{sha256 = "{digest}"}}']
    path.write_text("\n".join(lines) + "\n")
