"""Request to lock, by uv."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from functools import cached_property
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.errors import LockError, ResolveError
from virtualenv_reflink.requirements.lock import Lock
from virtualenv_reflink.requirements.pylock import read_pylock
from virtualenv_reflink.requirements.reading import EDITABLE, REQUIRED
from virtualenv_reflink.requirements.tool import without_credentials
from virtualenv_reflink.requirements.uv import Uv
from virtualenv_reflink.requirements.uv_answer import as_of_pip, changes, checked
from virtualenv_reflink.requirements.uv_options import refusal, translation
from virtualenv_reflink.requirements.uv_requirements import requirement_line

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.reading import Reading
    from virtualenv_reflink.requirements.resolver import Surroundings

# every index counts alike, as with pip; what only uv reads of a project counts for nothing
_AS_PIP = ("--format", "pylock.toml", "--index-strategy", "unsafe-best-match", "--no-sources", "--no-header", "--quiet")


class UvResolver:
    """Resolves requests with uv: a :class:`virtualenv_reflink.requirements.resolver.Resolver`.

    Its answer is a pylock.toml (PEP 751), so what is installed is put in order when its wheels are at hand.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    @property
    def identity(self) -> str:
        """The version of uv.

        :raises MissingExtraError: when there is none.
        :raises ResolveError: when it does not run, or is too old.
        """
        return f"uv {self._uv.version}"

    def resolve(self, reading: Reading, search_path: Sequence[Path]) -> Lock:
        """Return what uv chooses; of what is installed, versions that fit stay, as with pip.

        :raises ResolveError: with uv's own explanation, when there is no solution, and for what only pip can read.
        :raises OptionError: when uv cannot be told an option of pip.
        """
        _check_readable(reading)
        installed = {
            normalized_name(found.metadata["Name"]): found.version
            for found in distributions(path=[str(place) for place in search_path])
            if search_path and "Name" in found.metadata
        }
        facts = self._surroundings.facts
        with tempfile.TemporaryDirectory(prefix="virtualenv-reflink-") as directory:
            answer = Path(directory, "pylock.toml")
            _write_preferences(answer, _kept(installed, reading))
            self._run(reading, Path(directory), answer)
            try:
                lock = read_pylock(answer, answer.read_bytes(), facts)
            except LockError as error:
                raise ResolveError(f"the answer of uv cannot be used: {error}") from error
        lock = as_of_pip(lock, reading)
        checked(lock, reading)
        return changes(lock, installed, reading)

    @cached_property
    def _uv(self) -> Uv:
        return Uv(self._surroundings.cache)

    def _run(self, reading: Reading, directory: Path, answer: Path) -> None:
        said = translation(reading.general, reading.options)
        lines = {role: [] for role in (REQUIRED, "constraint", "build-constraint")}  # type: dict[str, list[str]]
        for requirement in reading.requirements:
            role = REQUIRED if requirement.role == EDITABLE else requirement.role
            lines[role].append(requirement_line(requirement))
        files = {role: directory / f"{role}.txt" for role in lines}
        for role, path in files.items():
            _write_private(path, [*(said.lines if role == REQUIRED else ()), *lines[role]])
        inputs = [str(files[REQUIRED])]
        for role in ("constraint", "build-constraint"):
            inputs += [f"--{role}s", str(files[role])] if lines[role] else []
        python = ["--python", str(self._surroundings.python)]
        arguments = [*_AS_PIP, *python, "--output-file", str(answer), *said.arguments, *inputs]
        self._uv.compile(arguments, said.variables, self._surroundings.on_line)


def _check_readable(reading: Reading) -> None:
    if reading.unread:
        phrase = without_credentials(reading.unread[0], "****@")
        raise ResolveError(f"uv cannot be told {phrase}, which only pip can read; use --resolver pip")
    for requirement in reading.requirements:
        for option in requirement.options:
            if option.name not in {"hash", EDITABLE}:
                raise refusal(option)


def _kept(installed: dict[str, str], reading: Reading) -> dict[str, str]:
    """Return what pip would leave as it is where it fits."""
    given = {option.name: option.value for option in reading.general}
    if given.keys() & {"force-reinstall", "ignore-installed"}:
        return {}
    if "upgrade" not in given:
        return installed
    if given.get("upgrade-strategy") == "eager":
        return {}
    wanted = {normalized_name(each.named.project) for each in reading.requirements if each.role == REQUIRED}
    return {name: version for name, version in installed.items() if name not in wanted}


def _write_preferences(answer: Path, kept: dict[str, str]) -> None:
    """Write versions into the file of the answer, which uv then prefers."""
    if kept:
        lines = ['lock-version = "1.0"', 'created-by = "virtualenv-reflink"']
        for name, version in kept.items():
            lines += ["[[packages]]", f'name = "{name}"', f'version = "{version}"']
        _write_private(answer, lines)


def _write_private(path: Path, lines: Iterable[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write("\n".join([*lines, ""]))
