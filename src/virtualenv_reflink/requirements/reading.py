"""What a request leads to on this machine: its files, and every file that those and pip's configuration name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.requirements.build_environment import build_environment
from virtualenv_reflink.requirements.local_state import (
    ABSENT,
    state_of_file,
    state_of_index,
    state_of_links,
    state_of_requirement,
)
from virtualenv_reflink.requirements.lock import Lock
from virtualenv_reflink.requirements.named import Named, is_remote, is_url, local_path, named_by
from virtualenv_reflink.requirements.pip_configuration import configuration_files, configured_options
from virtualenv_reflink.requirements.pip_options import (
    EDITABLES,
    FLAGS,
    INDEXES,
    PLACES,
    REQUIREMENTS_FILES,
    WITHOUT_FILES,
    Option,
    UnknownOptionError,
    options_of,
)
from virtualenv_reflink.requirements.request import Request
from virtualenv_reflink.requirements.requirements_file import Line, lines_of


class ReadRequirement(NamedTuple):
    """A requirement as it stands in a request or a file, with what it names and the options behind it."""

    text: str
    named: Named
    options: tuple[Option, ...] = ()


class Reading:
    """A request, read as pip reads it; what is not understood for sure makes it uncertain.

    ``requirements`` are those found; ``options`` those about indexes in requirements files, with absolute paths.
    """

    def __init__(
        self, request: Request, index_options: Sequence[str], environ: Mapping[str, str], prefix: Path
    ) -> None:
        """Read ``request``, its files, and pip's configuration for the environment at ``prefix``."""
        self.requirements: list[ReadRequirement] = []
        self.options: list[Option] = []
        self._environ = environ
        self._seen: dict[tuple[str, str], str] = {}
        self._builds = False
        self._is_certain = True
        self._read_configuration(environ, prefix)
        for text in request.requirements:
            self._read_requirement(text)
        for text in request.editables:
            self._read_requirement(text, editable=True)
        for name in (*request.files, *request.constraints):
            self._read_file(name, base="")
        try:
            for option in options_of((*index_options, *request.choices)):
                self._read_option(option, base="")
        except UnknownOptionError:
            self._is_certain = False
        self._request = request
        self._index_options = tuple(index_options)

    def fingerprint(self) -> list[str] | None:
        """Return all that can change what the request resolves to, files by their content; None if that is uncertain.

        What is on other machines counts by its address alone; that is what the time limit of remembered resolutions
        is for.
        """
        if not self._is_certain:
            return None
        variables = [f"{name}={value}" for name, value in sorted(self._environ.items()) if name.startswith("PIP_")]
        states = [f"{path}={state}" for (_, path), state in sorted(self._seen.items())]
        environment = [build_environment(self._environ)] if self._builds else []
        return [repr(self._request), repr(self._index_options), *variables, *states, *environment]

    def fingerprint_for(self, lock: Lock) -> list[str] | None:
        """Return the fingerprint unless ``lock`` has a directory or repository on this machine that was not seen here.

        Archives on this machine are compared with their hashes when a resolution is recalled.
        """
        seen = {path for _, path in self._seen}
        is_told = all(each.path is None or each.sha256 or str(each.path) in seen for each in lock.packages)
        return self.fingerprint() if is_told else None

    def _read_configuration(self, environ: Mapping[str, str], prefix: Path) -> None:
        for path in configuration_files(environ, prefix):
            self._note(path, state_of_file)
        options = configured_options(environ, prefix)
        if options is None:
            self._is_certain = False
        for option in options or ():
            for value in option.value.split() or [""]:
                self._read_option(option._replace(value=value), base="")

    def _read_requirement(self, text: str, options: tuple[Option, ...] = (), *, editable: bool = False) -> None:
        named = named_by(text, editable=editable)
        if named is None:
            self._is_certain = False
            return
        self.requirements.append(ReadRequirement(text, named, options))
        if named.path is not None:
            self._note(named.path, state_of_requirement)
            self._builds |= named.path.suffix != ".whl"
        if any(option.name == "config-settings" and _may_be_path(option.value) for option in options):
            self._is_certain = False

    def _read_file(self, name: str, base: str) -> None:
        """Read a requirements file, named by a path relative to ``base`` or by an address."""
        if is_url(name):
            path = local_path(name) if name.lower().startswith("file:") else None
            if path is None:
                self._is_certain &= is_remote(name)
                return
        else:
            path = Path(os.path.abspath(os.path.join(base, name)))
        if (state_of_file.__name__, str(path)) in self._seen:
            return
        self._note(path, state_of_file)
        try:
            for line in lines_of(path.read_bytes(), self._environ):
                self._read_line(line, str(path.parent))
        except (OSError, ValueError):
            self._is_certain = False

    def _read_line(self, line: Line, base: str) -> None:
        self._is_certain &= not line.is_odd
        editable = next((option.value for option in line.options if option.name in EDITABLES), None)
        if line.requirement or editable:
            self._read_requirement(line.requirement or editable or "", line.options, editable=not line.requirement)
            return
        for option in line.options:
            if option.name in PLACES and not is_url(option.value):
                option = self._absolute(option, base)
            self._read_option(option, base)
            if option.name not in REQUIREMENTS_FILES:
                self.options.append(option)

    def _absolute(self, option: Option, base: str) -> Option:
        """Return an option whose value is a place beside its file, or else in the working directory."""
        beside = Path(os.path.abspath(os.path.join(base, option.value)))
        self._note(beside, state_of_links)
        return option._replace(value=str(beside)) if beside.exists() else option

    def _read_option(self, option: Option, base: str) -> None:
        if option.name in REQUIREMENTS_FILES:
            self._read_file(option.value, base)
        elif option.name in EDITABLES:
            self._read_requirement(option.value, editable=True)
        elif option.name in PLACES:
            self._read_place(os.path.expanduser(option.value), state_of_links)
        elif option.name in INDEXES:
            self._read_place(option.value, state_of_index)
        elif option.name not in FLAGS | WITHOUT_FILES:
            self._is_certain &= not _may_be_path(option.value)

    def _read_place(self, value: str, state: Callable[[Path], str | None]) -> None:
        if value.lower().startswith("file:"):
            path = local_path(value)
            if path is None:
                self._is_certain = False
            else:
                self._note(path, state)
        elif not is_url(value):
            self._note(Path(os.path.abspath(value)), state)
        elif not is_remote(value):
            self._is_certain = False

    def _note(self, path: Path, state: Callable[[Path], str | None]) -> None:
        found = state(path)
        if found is None:
            self._is_certain = False
        self._seen[state.__name__, str(path)] = found or ABSENT


def _may_be_path(value: str) -> bool:
    return any(separator and separator in value for separator in (os.sep, os.altsep)) or value.startswith(
        (".", "~", "file:")
    )
