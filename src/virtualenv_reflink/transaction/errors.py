"""What is said when a change to an environment fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.filesystem.source import SourceError


@contextmanager
def explained(what: str, environment: Environment) -> Iterator[None]:
    """Name ``what`` could not be installed, and why.

    :raises SourceError: as it is, since the fault is not with the environment.
    :raises InstallError: in place of every other OSError.
    """
    try:
        yield
    except SourceError:
        raise
    except FileExistsError as error:
        raise InstallError(
            f"{what} cannot be installed: {error.filename} is there already and belongs to no installed package; "
            "move it away or use an empty environment"
        ) from error
    except OSError as error:
        raise InstallError(
            f"{what} cannot be installed into {environment.root}: {error.strerror or error}; nothing of it was left"
        ) from error
