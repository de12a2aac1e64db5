"""A package index on this machine that wants credentials: pypiserver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from typing import NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pypiserver


class PrivateIndex(NamedTuple):
    """Serves the wheels and sdists of a directory to those who have its credentials, NAME:PASSWORD."""

    directory: Path
    credentials: str
    address: str

    @property
    def url(self) -> str:
        """Where the index is."""
        return f"{self.address}/simple/"

    def file_url(self, name: str) -> str:
        """Where a file is."""
        return f"{self.address}/packages/{name}"

    def with_credentials(self, url: str) -> str:
        """Return an address with what the index asks for."""
        return url.replace("://", f"://{self.credentials}@")


@contextmanager
def serving_privately(directory: Path, credentials: str) -> Iterator[PrivateIndex]:
    """Serve ``directory`` for the time being."""
    application = pypiserver.app(
        roots=[directory],
        authenticate=["download", "list", "update"],
        auther=lambda name, password: f"{name}:{password}" == credentials,
        disable_fallback=True,
    )
    with make_server("127.0.0.1", 0, application, _Server, _Quiet) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield PrivateIndex(directory, credentials, f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
