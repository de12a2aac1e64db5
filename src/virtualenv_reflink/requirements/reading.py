"""What a request leads to on this machine: its files, and every file that those and pip's configuration name."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from virtualenv_reflink.requirements.pip_configuration import configuration_files, options_of_install
from virtualenv_reflink.requirements.pip_options import (
    EDITABLES,
    FLAGS,
    INDEXES,
    PLACES,
    REPEATED,
    REQUIREMENTS_FILES,
    WITHOUT_FILES,
    Option,
    UnknownOptionError,
    options_of,
)
from virtualenv_reflink.requirements.request import Request
from virtualenv_reflink.requirements.requirements_file import Line, lines_of

REQUIRED = "requirement"
EDITABLE = "editable"


class ReadRequirement(NamedTuple):
    """A requirement as it stands in a request or a file, with what it names and the options behind it.

    ``role`` is the name of the option of pip by which it comes: it is required, editable, or it constrains.
    """

    text: str
    named: Named
    options: tuple[Option, ...] = ()
    role: str = REQUIRED


class Reading:
    """A request, read as pip reads it; what is not understood for sure makes it uncertain.

    ``requirements`` are those found; ``options`` those about indexes in requirements files, with absolute paths;
    ``general`` those of pip's configuration and of the command line, the more important ones last. ``unread`` has a
    phrase for each thing that only pip can read.
    """

    def __init__(
        self, request: Request, index_options: Sequence[str], environ: Mapping[str, str], prefix: Path
    ) -> None:
        """Read ``request``, its files, and pip's configuration for the environment at ``prefix``."""
        self.request = request
        self.requirements: list[ReadRequirement] = []
        self.options: list[Option] = []
        self.general: list[Option] = []
        self.unread: list[str] = []
        self._environ = environ
        self._files: set[tuple[str, str]] = set()
        self._seen: dict[tuple[str, str], str] = {}
        self._builds = False
        self._is_certain = True
        self._read_configuration(environ, prefix)
        for text in request.requirements:
            self._read_requirement(text)
        for text in request.editables:
            self._read_requirement(text, role=EDITABLE)
        for role, names in ((REQUIRED, request.files), ("constraint", request.constraints)):
            for name in names:
                self._read_file(name, "", role)
        try:
            self._read_general(options_of((*index_options, *request.choices)))
        except UnknownOptionError as error:
            self._cannot_read(f"the option {error}")
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
        return [repr(self.request), repr(self._index_options), *variables, *states, *environment]

    def fingerprint_for(self, lock: Lock) -> list[str] | None:
        """Return the fingerprint unless ``lock`` has a directory or repository on this machine that was not seen here.

        Archives on this machine are compared with their hashes when a resolution is recalled.
        """
        seen = {path for _, path in self._seen}
        is_told = all(each.path is None or each.sha256 or str(each.path) in seen for each in lock.packages)
        return self.fingerprint() if is_told else None

    def _read_configuration(self, environ: Mapping[str, str], prefix: Path) -> None:
        for path in configuration_files(environ, prefix):
            # an absent one decides nothing, and is in another place for each environment
            if path.exists():
                self._note(path, state_of_file)
        options = options_of_install(environ, prefix)
        if options is None:
            self._cannot_read("a configuration file of pip's")
        for option in options or ():
            values = option.value.split() if option.name in REPEATED else [option.value]
            self._read_general(option._replace(value=value) for value in values)

    def _read_general(self, options: Iterable[Option]) -> None:
        for option in options:
            self.general.append(option)
            self._read_option(option, base="")

    def _cannot_read(self, what: str) -> None:
        self.unread.append(what)
        self._is_certain = False

    def _read_requirement(self, text: str, options: tuple[Option, ...] = (), role: str = REQUIRED) -> None:
        named = named_by(text, editable=role == EDITABLE)
        if named is None:
            self._is_certain = False
            named = _named_elsewhere(text)
        if named is None:
            self.unread.append(f"the requirement {text!r}")
            return
        self.requirements.append(ReadRequirement(text, named, options, role))
        if named.path is not None:
            self._note(named.path, state_of_requirement)
            self._builds |= named.path.suffix != ".whl"
        if any(option.name == "config-settings" and _may_be_path(option.value) for option in options):
            self._is_certain = False

    def _read_file(self, name: str, base: str, role: str) -> None:
        """Read a requirements file, named by a path relative to ``base`` or by an address."""
        if is_url(name):
            path = local_path(name) if name.lower().startswith("file:") else None
            if path is None:
                self.unread.append(f"the file at {name}")
                self._is_certain &= is_remote(name)
                return
        else:
            path = Path(os.path.abspath(os.path.join(base, name)))
        if (str(path), role) in self._files:
            return
        self._files.add((str(path), role))
        self._note(path, state_of_file)
        try:
            for line in lines_of(path.read_bytes(), self._environ):
                self._read_line(line, path, role)
        except (OSError, ValueError) as error:
            self._cannot_read(f"the file {path} ({getattr(error, 'strerror', None) or error})")

    def _read_line(self, line: Line, path: Path, role: str) -> None:
        if line.is_odd:
            self._cannot_read(f"a line of {path}")
        editable = next((option.value for option in line.options if option.name in EDITABLES), None)
        if line.requirement:
            self._read_requirement(line.requirement, line.options, role)
            return
        if editable:
            self._read_requirement(editable, line.options, EDITABLE)
            return
        base = str(path.parent)
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
            self._read_file(option.value, base, option.name)
        elif option.name in EDITABLES:
            self._read_requirement(option.value, role=EDITABLE)
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


def _named_elsewhere(text: str) -> Named | None:
    """Return what a requirement names of which it is not known where it leads; None when it is of no standard form."""
    if is_url(text):
        return Named(url=text)
    # a lazy boundary: hardly any requirement is odd
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    return Named(requirement.name, url=requirement.url or "")


def _may_be_path(value: str) -> bool:
    return any(separator and separator in value for separator in (os.sep, os.altsep)) or value.startswith(
        (".", "~", "file:")
    )
