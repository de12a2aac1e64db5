"""Take an installed distribution out of an environment, by its RECORD."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from virtualenv_reflink.environment.eggs import EASY_INSTALL, EGGS, line_of_egg, scripts_of_egg
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import Installed, installed_into, listed_files
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.transaction.generated import Generated, write_file
from virtualenv_reflink.transaction.steps import Steps
from virtualenv_reflink.transaction.transaction import Transaction, transaction


@contextmanager
def taken_out(names: Collection[str], environment: Environment, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Take projects, by their normalized names, out of an environment; an exception puts them back.

    ``on_wait`` is told when another process changes the environment, which is then waited for.

    :raises InstallError: when one was installed by a tool that left no list of its files, or that fails.
    """
    found = [each for each in installed_into(environment) if each.name in names]
    if not found:
        yield
        return
    with transaction(environment, on_wait) as change:
        remove_installed(found, environment, change)
        yield


def remove_installed(distributions: Iterable[Installed], environment: Environment, change: Transaction) -> None:
    """Set aside the files that ``distributions`` list, and delete the directories this leaves empty.

    What they list outside the environment stays.

    :raises InstallError: when one was installed by a tool that left no list of its files.
    :raises OSError: when a file cannot be set aside.
    """
    metadata: dict[str, list[str]] = {}
    files: dict[str, list[str]] = {}
    lines = set()
    for installed in distributions:
        _check_record(installed.path)
        of_metadata, others = _files_of(installed.path, environment)
        metadata.setdefault(installed.name, []).extend(of_metadata)
        files.setdefault(installed.name, []).extend(others)
        if line := line_of_egg(installed.path):
            lines.add((os.path.realpath(installed.path.parent), line))
    # of all of them first, as they may list the same files: nobody takes for installed what has lost one
    change.set_aside(metadata)
    change.set_aside(files)
    for library in {place for place, _ in lines}:
        _take_lines_out({line for place, line in lines if place == library}, f"{library}/{EASY_INSTALL}", change)
    _remove_emptied([path for paths in (*metadata.values(), *files.values()) for path in paths], environment)


def _check_record(metadata: Path) -> None:
    """Refuse what pip refuses: without RECORD nobody knows what to delete, unless there is nothing yet."""
    is_known = bool(listed_files(metadata)) if metadata.suffix in EGGS else (metadata / "RECORD").exists()
    if not is_known and (metadata.is_file() or os.listdir(metadata)):
        raise InstallError(
            f"{metadata} was installed by a tool that left no RECORD, so it cannot be replaced; "
            "remove it by hand first, or use --ignore-installed"
        )


def _take_lines_out(lines: Collection[str], path: str, change: Transaction) -> None:
    """Write a file again without some of its lines."""
    if not os.path.isfile(path):
        return
    with open(path, "rb") as stream:
        content = stream.read()
    kept = b"".join(line for line in content.splitlines(keepends=True) if os.fsdecode(line).strip() not in lines)
    if kept != content:
        mode = os.stat(path).st_mode & 0o7777
        directory, name = os.path.split(path)
        change.set_aside({"": [path]})
        change.will(Steps(files=[(directory, [name])]))
        write_file(path, Generated("", name, kept, mode))


def _files_of(dist_info: Path, environment: Environment) -> tuple[list[str], list[str]]:
    """Return what a distribution has inside the environment: metadata, and other files with the bytecode made of them.

    The metadata directory is whole if all that is in it is listed (or nothing is, after a power cut), so that nobody
    takes the distribution for installed while its files are on their way.
    """
    library = dist_info.parent
    root = os.path.realpath(environment.root)
    metadata = os.path.join(os.path.realpath(library), dist_info.name)
    listed = list(_listed(dist_info, library))
    of_metadata = [path for path in listed if path.startswith(metadata + os.sep)]
    if os.path.islink(metadata) or len(listed) < 2 or set(_files_below(metadata)).issubset(of_metadata):
        of_metadata = [metadata]
    scripts = [os.path.join(os.path.realpath(environment.scripts), name) for name in scripts_of_egg(dist_info)]
    others = [path for path in listed if not path.startswith(metadata + os.sep)]
    inside = root + os.sep
    return [path for path in of_metadata if path.startswith(inside)], [
        path for path in (*others, *scripts) if path.startswith(inside)
    ]


def _listed(dist_info: Path, library: Path) -> Iterator[str]:
    for row in listed_files(dist_info):
        parent, name = os.path.split(os.path.join(library, row))
        parent = os.path.realpath(parent)
        if not _is_directory(os.path.join(parent, name)):
            yield os.path.join(parent, name)
            yield from _bytecode(parent, name)


def _files_below(directory: str) -> Iterator[str]:
    for parent, _, names in os.walk(directory):
        yield from (f"{parent}/{name}" for name in names)


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _bytecode(parent: str, name: str) -> Iterator[str]:
    if not name.endswith(".py"):
        return
    cache = os.path.join(parent, "__pycache__")
    if os.path.islink(cache):
        cache = os.path.realpath(cache)
    with suppress(FileNotFoundError, NotADirectoryError):
        for entry in os.listdir(cache):
            if entry.startswith(f"{name.removesuffix('.py')}.") and entry.endswith(".pyc"):
                yield os.path.join(cache, entry)


def _remove_emptied(files: Iterable[str], environment: Environment) -> None:
    kept = {os.path.realpath(place) for place in (environment.root, *environment.libraries)}
    parents = set(map(os.path.dirname, files))
    for parent in sorted(parents, key=len, reverse=True):
        directory = parent
        while directory not in kept:
            try:
                os.rmdir(directory)
            except FileNotFoundError:
                pass
            except OSError:
                break
            directory = os.path.dirname(directory)
