"""A change to an environment, whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import installed_since
from virtualenv_reflink.environment.lock import locked
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.filesystem.interrupts import endings_raised, interrupts_put_off
from virtualenv_reflink.filesystem.source import SourceError
from virtualenv_reflink.transaction.journal import Journal
from virtualenv_reflink.transaction.steps import Aside, Steps, complete, delete, make_place, undo

_ASIDE = ".virtualenv-reflink-aside"
_NEW = ".virtualenv-reflink-new"


@contextmanager
def exclusive(environment: Environment, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Let no other process change an environment; another one that does is waited for, and ``on_wait`` told so.

    What an interrupted change has left there is taken back or completed first.

    :raises InstallError: when the environment cannot be changed, or what was left there cannot be removed.
    """
    with _locked(environment.root, on_wait), endings_raised():
        recover(environment)
        try:
            yield
        except BaseException as error:
            # nearly always there is nothing left to do; a signal may have come just before the change was taken back
            with interrupts_put_off(), suppress(InstallError):
                recover(environment)
            # the fault of a source is not with the environment
            if isinstance(error, OSError) and not isinstance(error, SourceError):
                where = error.filename or environment.root
                raise InstallError(
                    f"nothing can be installed into {environment.root}: {where}: {error.strerror or error}"
                ) from error
            raise


@contextmanager
def transaction(environment: Environment, on_wait: Callable[[str], None]) -> Iterator[Transaction]:
    """Change an environment: leaving the context makes the change final, an exception or a signal takes it back.

    :raises InstallError: as :func:`exclusive` does.
    """
    with exclusive(environment, on_wait), Transaction(environment) as change:
        yield change


def recover(environment: Environment) -> None:
    """Take back or complete what an interrupted change has left in an environment.

    :raises InstallError: when that fails.
    """
    journal = Journal(os.path.abspath(environment.root))
    try:
        steps = journal.read()
        if steps is not None:
            _check_inside(steps, environment)
            if steps.done:
                complete(steps)
            else:
                undo(steps, installed_since(environment, journal.begun_ns))
        journal.delete()
    except OSError as error:
        raise InstallError(
            f"an installation into {environment.root} was interrupted, and what it left there cannot be removed: "
            f"{error.filename or journal.path}: {error.strerror or error}; remove it by hand"
        ) from error


class Transaction:
    """The steps of one change, each of them written down before it is made.

    Leaving the context makes them final, or takes them back if there was an exception.
    """

    def __init__(self, environment: Environment) -> None:
        """Begin with an environment in which no interrupted change has left anything."""
        self._environment = environment
        self._root = os.path.abspath(environment.root)
        self._journal = Journal(self._root)
        self._steps = Steps()
        self._begun = False

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._begun:
            with interrupts_put_off():
                self._undo() if kind else self._commit()

    def will(self, steps: Steps) -> None:
        """Write down what is going to be made; what is found in the place of a tree is removed.

        :raises OSError: when that fails; then nothing of it may be made.
        """
        self._begun = True
        new_trees = set(steps.trees).difference(self._steps.trees)
        self._steps.add(steps)
        self._journal.write(steps)
        for tree in new_trees:
            delete(tree)

    def set_aside(self, files: Mapping[str, Sequence[str]]) -> None:
        """Take files out of the environment, by the normalized name of the project that lists them, or "".

        Those that are not there are left out. They may be directories that hold nothing else, and several projects may
        list the same.

        :raises OSError: when one cannot be moved.
        """
        number = len(self._steps.aside)
        owners: dict[str, set[str]] = {}
        for project, paths in files.items():
            for path in paths:
                owners.setdefault(path, set()).add(project)
        found = ((path, min(of) if len(of) == 1 else "") for path, of in owners.items() if os.path.lexists(path))
        moves = [Aside(path, f"{self.place_for(path)}/{n}", project) for n, (path, project) in enumerate(found, number)]
        if moves:
            self.will(Steps(aside=moves))
        for directory in {os.path.dirname(move.place) for move in moves}:
            make_place(directory)
        for move in moves:
            os.rename(move.path, move.place)

    def place_for(self, path: str) -> str:
        """Return the directory that ``path`` can be moved into by a rename.

        A site-packages that is a subvolume needs one of its own, as nothing can be renamed out of it.
        """
        parent = os.path.join(os.path.realpath(os.path.dirname(path)), "")
        libraries = [os.path.realpath(library) for library in self._environment.libraries]
        inside = (library for library in libraries if parent.startswith(os.path.join(library, "")))
        return os.path.join(next(inside, self._root), _ASIDE)

    @staticmethod
    def staging(library: str) -> str:
        """Return a place in a library for what must not be seen there before all is in place.

        Its name is that of no distribution, so that nobody takes what is in it for installed.
        """
        return os.path.join(library, _NEW)

    def _commit(self) -> None:
        try:
            self._journal.write_done()
        except OSError as error:
            self._undo()
            raise InstallError(
                f"nothing can be installed into {self._root}: {error.strerror or error}; nothing of it was left"
            ) from error
        try:
            complete(self._steps)
            self._journal.delete()
        except OSError as error:
            raise InstallError(
                f"an installation into {self._root} cannot be completed: {error.filename}: {error.strerror or error}; "
                "correct that, and run the same command again"
            ) from error

    def _undo(self) -> None:
        """Take all steps back; what cannot be taken back now stays in the journal for the next change."""
        with suppress(OSError):
            undo(self._steps, installed_since(self._environment, self._journal.begun_ns))
            self._journal.delete()


@contextmanager
def _locked(root: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the root of an environment, and remove what of its path was missing if nothing came into it.

    :raises InstallError: when it cannot be made.
    """
    missing = [place for place in (root, *root.parents) if not os.path.lexists(place)]
    try:
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(root, on_wait))
            except OSError as error:
                raise InstallError(
                    f"nothing can be installed into {root}: {error.strerror}; choose another place"
                ) from error
            yield
    finally:
        with suppress(OSError):
            for place in missing:
                place.rmdir()


def _check_inside(steps: Steps, environment: Environment) -> None:
    """Refuse what leads out of an environment: somebody has put a link there since.

    :raises OSError: for the first path that does.
    """
    schemes = (environment.root, *environment.libraries, environment.scripts, environment.headers, environment.data)
    roots = tuple(os.path.join(os.path.realpath(place), "") for place in schemes)
    for directory in sorted({os.path.dirname(path) for path in steps.paths()}):
        if not os.path.join(os.path.realpath(directory), "").startswith(roots):
            raise OSError(errno.EPERM, "it leads out of the environment", directory)
