"""The files of a wheel that are made for one environment."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.scripts import entry_point_scripts, rewritten_bytecode, rewritten_scripts
from virtualenv_reflink.filesystem.permissions import create_file
from virtualenv_reflink.transaction.supplied import SuppliedWheel

INSTALLER = b"virtualenv-reflink\n"


class Generated(NamedTuple):
    """A file to make, by its scheme and its path there; mode and mtime (in nanoseconds) are as usual unless given."""

    scheme: str
    path: str
    content: bytes
    mode: int | None = None
    mtime_ns: int | None = None


class Generator:
    """Makes the files of wheels for one environment."""

    def __init__(self, environment: Environment, umask: int) -> None:
        """Take the environment, and the permissions that new files do not get."""
        self._environment = environment
        self._executable_mode = 0o777 & ~umask | 0o111
        self._script_mode = 0o666 & ~umask | 0o555

    def files(self, supplied: SuppliedWheel) -> list[Generated]:
        """Return all of them but RECORD."""
        return [*self.scripts_and_bytecode(supplied), *self._metadata(supplied)]

    def scripts_and_bytecode(self, supplied: SuppliedWheel) -> list[Generated]:
        """Return the scripts, and the bytecode of those that are modules too."""
        scripts = list(self._scripts(supplied))
        if not supplied.bytecode:
            return scripts
        sources = [(file.path, file.content) for file in scripts if file.mtime_ns is not None]
        compiled = rewritten_bytecode(supplied.wheel, supplied.bytecode, sources)
        return [*scripts, *(Generated("scripts", path, content) for path, content in compiled)]

    def _scripts(self, supplied: SuppliedWheel) -> Iterator[Generated]:
        wheel = supplied.wheel
        for name, content in entry_point_scripts(wheel, self._environment, supplied.aliases):
            yield Generated("scripts", name, content, self._script_mode)
        executable = {path for path, file in wheel.tree.files("scripts") if file.executable}
        for name, content in rewritten_scripts(wheel, self._environment):
            mode = self._executable_mode if name in executable else None
            yield Generated("scripts", name, content, mode, wheel.tree.mtime_ns)

    def _metadata(self, supplied: SuppliedWheel) -> Iterator[Generated]:
        library = supplied.wheel.metadata.root_scheme
        yield Generated(library, f"{supplied.dist_info}/INSTALLER", INSTALLER)
        if supplied.requested:
            yield Generated(library, f"{supplied.dist_info}/REQUESTED", b"")
        if supplied.direct_url is not None:
            yield Generated(library, f"{supplied.dist_info}/direct_url.json", supplied.direct_url.encode("utf-8"))


def write_file(target: str, file: Generated) -> None:
    """Make a file.

    :raises FileExistsError: when there is one.
    :raises OSError: when it cannot be written.
    """
    with open(target, "xb") if file.mode is None else open(create_file(target, file.mode), "wb") as stream:
        stream.write(file.content)
    if file.mtime_ns is not None:
        os.utime(target, ns=(file.mtime_ns, file.mtime_ns))
