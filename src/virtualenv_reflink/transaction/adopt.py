"""What pip has installed under a prefix of its own, as part of a transaction."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import Installed, installed_in, installed_into, listed_files
from virtualenv_reflink.environment.record import path_in_record, with_other_paths
from virtualenv_reflink.transaction.errors import explained
from virtualenv_reflink.transaction.footprint import Footprint
from virtualenv_reflink.transaction.generated import Generated, write_file
from virtualenv_reflink.transaction.remove import remove_installed
from virtualenv_reflink.transaction.steps import Steps
from virtualenv_reflink.transaction.transaction import Transaction


class _File(NamedTuple):
    """A file, where it goes, and its path in RECORD until then."""

    source: Path
    target: str
    listed: str


def adopt(prefix: Path, environment: Environment, change: Transaction) -> None:
    """Move the distributions that are installed under ``prefix`` into an environment, and have their RECORDs follow.

    :raises InstallError: when a file is in the way or the disk is full.
    """
    for library in {path.parent for path in prefix.rglob("*.dist-info")}:
        for distribution in installed_in(library):
            with explained(distribution.name, environment):
                replaced = [each for each in installed_into(environment) if each.name == distribution.name]
                remove_installed(replaced, environment, change)
                _place(list(_files(prefix, library, distribution, environment)), distribution, environment, change)


def _files(prefix: Path, library: Path, distribution: Installed, environment: Environment) -> Iterator[_File]:
    scripts = environment.scripts.name
    for listed in listed_files(distribution.path):
        source = Path(os.path.normpath(library / listed))
        if source.is_relative_to(distribution.path):
            target = _staging(environment) / source.relative_to(library)
        elif source.is_relative_to(library):
            target = environment.purelib / source.relative_to(library)
        elif source.is_relative_to(prefix / scripts):
            target = environment.scripts / source.relative_to(prefix / scripts)
        else:
            target = environment.data / source.relative_to(prefix)
        yield _File(source, str(target), listed)


def _place(files: list[_File], distribution: Installed, environment: Environment, change: Transaction) -> None:
    staging, name = _staging(environment), distribution.path.name
    footprint = Footprint(environment)
    outside = [file for file in files if not Path(file.target).is_relative_to(staging)]
    places = [os.path.split(file.target) for file in outside]
    for directory, file_name in places:
        footprint.add(directory, [file_name])
    footprint.make_room(change)
    change.will(
        Steps(
            directories=footprint.new_directories(),
            files=[(directory, [file_name]) for directory, file_name in places],
            trees=[str(staging)],
            publish=[(f"{staging}/{name}", f"{environment.purelib}/{name}")],
        )
    )
    paths = {file.listed: path_in_record(file.target, str(environment.purelib)) for file in outside}
    moved = {before: now for before, now in paths.items() if before != now}
    for file in files:
        os.makedirs(os.path.dirname(file.target), exist_ok=True)
        status, content = file.source.stat(), file.source.read_bytes()
        if moved and file.source == distribution.path / "RECORD":
            content = with_other_paths(content, moved)
        write_file(file.target, Generated("", "", content, status.st_mode & 0o7777, status.st_mtime_ns))


def _staging(environment: Environment) -> Path:
    """Return where a metadata directory is until all is in place."""
    return Path(Transaction.staging(str(environment.purelib)))
