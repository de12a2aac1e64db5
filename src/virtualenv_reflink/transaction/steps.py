"""The steps of a change to an environment, and how they are taken back or completed."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from virtualenv_reflink.environment.installed import InstalledSince
from virtualenv_reflink.filesystem.temporary import is_temporary


class Aside(NamedTuple):
    """A file or the metadata directory of a project that is moved out of the environment for the time being.

    ``project`` is its normalized name, or "".
    """

    path: str
    place: str
    project: str


class Steps:
    """What a change does; all paths are absolute. See the journal for their meaning."""

    def __init__(
        self,
        aside: Sequence[Aside] = (),
        directories: Sequence[str] = (),
        files: Sequence[tuple[str, list[str]]] = (),
        trees: Sequence[str] = (),
        publish: Sequence[tuple[str, str]] = (),
        replace: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        self.aside = list(aside)
        self.directories = list(directories)
        self.files = list(files)
        self.trees = list(trees)
        self.publish = list(publish)
        self.replace = list(replace)
        self.done = False

    def add(self, other: "Steps") -> None:
        """Take further steps."""
        self.aside += other.aside
        self.directories += other.directories
        self.files += other.files
        self.trees += other.trees
        self.publish += other.publish
        self.replace += other.replace
        self.done |= other.done

    def paths(self) -> Iterator[str]:
        """Yield every path that taking them back or completing them may change."""
        yield from (path for moved in self.aside for path in (moved.path, moved.place))
        yield from (f"{directory}/{name}" for directory, names in self.files for name in names)
        yield from (*self.directories, *self.trees)
        yield from (path for paths in (*self.publish, *self.replace) for path in paths)


def undo(steps: Steps, since: InstalledSince) -> None:
    """Take back what was done of ``steps``; doing so twice does no harm.

    What another tool has installed ``since`` then stays as it is.

    :raises OSError: when something cannot be taken back; what comes before it has been.
    """
    for directory, names in steps.files:
        for name in names:
            path = f"{directory}/{name}"
            if not since.lists(path):
                # a directory of that name is somebody else's
                with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    os.unlink(path)
    for directory in dict.fromkeys(directory for directory, _ in steps.files):
        _delete_trials(directory)
    for tree in steps.trees:
        delete(tree)
    for directory in reversed(steps.directories):
        _delete_emptied(directory, since)
    for moved in reversed(steps.aside):
        _put_back(moved, since)
    _delete_places(steps)


def complete(steps: Steps) -> None:
    """Do what remains to be done once all is in place; doing so twice does no harm.

    :raises OSError: when that fails.
    """
    for tree, path in steps.publish:
        if os.path.lexists(tree):
            _publish(tree, path)
    for tree, path, place in steps.replace:
        if os.path.lexists(tree):
            if os.path.lexists(path):
                make_place(os.path.dirname(place))
                os.rename(path, place)
            os.rename(tree, path)
    for tree in steps.trees:
        delete(tree)
    _delete_places(steps)


def make_place(directory: str) -> None:
    """Make a directory for files that are moved aside; a link in its stead would lead elsewhere, and is removed.

    :raises OSError: when that fails.
    """
    if os.path.islink(directory):
        os.unlink(directory)
    with suppress(FileExistsError):
        os.mkdir(directory, 0o700)


def delete(path: str) -> None:
    """Delete a file, a link, a directory or a subvolume; one that is not there is no error.

    :raises OSError: when that fails.
    """
    if os.path.isdir(path) and not os.path.islink(path):
        # a lazy boundary: most changes leave no tree to delete
        from virtualenv_reflink.filesystem.deletion import delete_tree

        delete_tree(path)
    else:
        with suppress(FileNotFoundError):
            os.unlink(path)


def _publish(tree: str, path: str) -> None:
    try:
        os.rename(tree, path)
    except OSError:
        # a directory is there already, with files of somebody else in it
        if not os.path.isdir(path) or os.path.islink(path):
            raise
        for name in os.listdir(tree):
            _publish(f"{tree}/{name}", f"{path}/{name}")
        os.rmdir(tree)


def _put_back(moved: Aside, since: InstalledSince) -> None:
    path, place, project = moved
    if os.path.lexists(place) and not since.holds(project) and not since.lists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.rename(place, path)


def _delete_emptied(directory: str, since: InstalledSince) -> None:
    """Delete a directory as far as nothing is left in it but bytecode that interpreters have made there since."""
    for parent, _, names in os.walk(directory, topdown=False):
        for path in _bytecode(parent, names):
            if not since.lists(path):
                os.unlink(path)
        with suppress(OSError):
            os.rmdir(parent)


def _delete_trials(directory: str) -> None:
    """Delete what is left of finding out which link mode is possible."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in filter(is_temporary, os.listdir(directory)):
            os.unlink(f"{directory}/{name}")


def _bytecode(directory: str, names: list[str]) -> Iterator[str]:
    if os.path.basename(directory) == "__pycache__":
        yield from (f"{directory}/{name}" for name in names if name.endswith(".pyc"))


def _delete_places(steps: Steps) -> None:
    places = [moved.place for moved in steps.aside] + [place for _, _, place in steps.replace]
    for directory in {os.path.dirname(place) for place in places}:
        delete(directory)
