"""The seeds of a tox environment, which come with what is installed first, so that all can come at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tox.tox_env.errors import Fail

from virtualenv_reflink.environment.installed import installed_in, layer_of
from virtualenv_reflink.errors import ReflinkError

if TYPE_CHECKING:
    from tox.tox_env.python.virtual_env.api import VirtualEnv

    from virtualenv_reflink.integrations.virtualenv.seeder import ReflinkSeeder


class Seeds:
    """The seeds of one environment. Whether it has them is told by what it holds, as a run may end at any time."""

    def __init__(self, environment: VirtualEnv) -> None:
        self._environment = environment

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Have virtualenv make an environment without seeds, unless something is seeded besides or nothing follows."""
        seeder = self._seeder()
        if seeder is None or seeder.requirements or seeder.requirements_files or self._nothing_follows():
            yield
            return
        enabled, seeder.enabled = seeder.enabled, False
        try:
            yield
        finally:
            seeder.enabled = enabled

    @property
    def wait_for_groups(self) -> bool:
        """Whether dependency groups are installed after the deps, and can bring what those have not."""
        conf = self._environment.conf
        return "dependency_groups" in conf and bool(conf["dependency_groups"])

    def left(self) -> list[Path]:
        """Return the wheels that an environment is yet to be seeded with.

        :raises Fail: when one cannot be had.
        """
        seeder = self._seeder()
        if seeder is None or not seeder.enabled or self._holds_packages():
            return []
        with failing():
            return seeder.seed_wheels(self._creator.interpreter)

    def place(self) -> None:
        """Seed an environment that has nothing yet.

        :raises Fail: when our seeder cannot.
        """
        seeder = self._seeder()
        if seeder is not None and seeder.enabled and not self._holds_packages():
            with failing():
                seeder.run(self._creator)

    def _seeder(self) -> ReflinkSeeder | None:
        """Return our seeder, or None where tox runs another virtualenv."""
        from virtualenv_reflink.integrations.virtualenv.seeder import ReflinkSeeder

        seeder = getattr(self._environment.session, "seeder", None)
        return seeder if isinstance(seeder, ReflinkSeeder) else None

    @property
    def _creator(self) -> Any:
        """What makes the environment, by the virtualenv that our seeder is a plugin of."""
        return self._environment.creator

    def _holds_packages(self) -> bool:
        libraries = {Path(self._creator.purelib), Path(self._creator.platlib)}
        return any(layer_of(library) or any(installed_in(library)) for library in libraries)

    def _nothing_follows(self) -> bool:
        """Whether tox is told to install nothing."""
        return bool(getattr(self._environment.options, "skip_env_install", False))


@contextmanager
def failing() -> Iterator[None]:
    """Have tox fail the environment with the sentence of an error of ours.

    :raises Fail: with that.
    """
    try:
        yield
    except ReflinkError as error:
        raise Fail(str(error)) from error
