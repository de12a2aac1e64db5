"""Request to lock."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from virtualenv_reflink.environment.installed import installed_in
from virtualenv_reflink.errors import OptionError, ResolveError
from virtualenv_reflink.provision.resolvers import resolver
from virtualenv_reflink.requirements.local_wheels import LocalWheels
from virtualenv_reflink.requirements.lock import Lock, merged
from virtualenv_reflink.requirements.lock_files import is_pylock
from virtualenv_reflink.requirements.origin import with_origins
from virtualenv_reflink.requirements.reading import Reading
from virtualenv_reflink.requirements.request import Request
from virtualenv_reflink.requirements.resolutions import Resolutions, parsed_lock
from virtualenv_reflink.requirements.resolver import Resolver, Surroundings

if TYPE_CHECKING:
    from virtualenv_reflink.provision.context import Context


class Resolved(NamedTuple):
    """A lock, and how long ago it was resolved in seconds; None when that was now, or needed no resolving."""

    lock: Lock
    age: float | None = None


class Reported(NamedTuple):
    """A lock, and pip's installation report of it."""

    lock: Lock
    report: dict[str, Any]


class Resolution:
    """Finds out what exactly is to be installed."""

    def __init__(self, context: "Context") -> None:
        self._context = context

    def lock(self, request: Request, search_path: Sequence[Path]) -> Resolved:
        """Return what is to be installed for ``request``, as remembered or as it is resolved now.

        What is installed on ``search_path`` counts; with none, the request is resolved as for an empty environment.

        :raises ResolveError: with the resolver's own explanation, when there is no solution.
        """
        context = self._context
        present = [found for place in search_path for found in installed_in(place)]
        local = LocalWheels(context.cache, context.facts, *self._surroundings, context.workers).lock(
            request, {found.name for found in present}
        )
        if local is not None:
            return Resolved(local)
        reading = self._read(request)
        state = [f"{found.name} {found.version}" for found in present]
        state.insert(0, "installed" if search_path else "empty")
        resolutions = Resolutions(context.cache, self._inputs(reading.fingerprint(), state))
        stored = None if context.settings.refresh else resolutions.find(self._lifetime)
        if stored:
            return Resolved(with_origins(stored.lock, reading), stored.age)
        self._check_network()
        with context.progress.stage("Resolving"):
            lock = self._resolver.resolve(reading, search_path)
        # what was read before may have changed while pip read it
        resolutions.store(lock, self._inputs(self._read(request).fingerprint_for(lock), state))
        return Resolved(with_origins(lock, reading))

    def reported(self, request: Request, search_path: Sequence[Path]) -> Reported:
        """Return what pip would install for ``request`` as it is resolved now, and its report of that.

        :raises ResolveError: with pip's own explanation, when there is no solution.
        :raises OptionError: when pip is not to resolve.
        """
        if self._context.settings.resolver != "pip":
            raise OptionError("only pip makes reports of what it resolved; leave out --report, or use --resolver pip")
        # a lazy boundary: hardly anybody asks for a report
        from virtualenv_reflink.requirements.pip_resolver import PipResolver

        self._check_network()
        pip, reading = PipResolver(self._resolver_surroundings), self._read(request)
        with self._context.progress.stage("Resolving"):
            report = pip.report(reading, search_path)
        return Reported(with_origins(pip.lock_of(report, reading, search_path), reading), report)

    def read_lock(self, path: Path) -> Lock:
        """Return what a pylock.toml has for the environment; the same file is parsed once.

        :raises LockError: when it cannot be read, is not valid, or is not for this environment.
        """
        return parsed_lock(path, self._context.cache, self._context.facts)

    def lock_for_empty(self, requirements: Sequence[str], files: Sequence[str]) -> Lock:
        """Return what requirements, files of them and locks come to in an environment that holds nothing yet.

        :raises ResolveError: with pip's own explanation, when there is no solution.
        :raises LockError: when a lock cannot be used.
        """
        locks = [self.read_lock(Path(file)) for file in files if is_pylock(file)]
        others = tuple(file for file in files if not is_pylock(file))
        request = Request(requirements=tuple(requirements), files=others)
        return merged([*locks, self.lock(request, search_path=()).lock] if request else locks)

    @property
    def _lifetime(self) -> float:
        return float("inf") if self._context.settings.offline else self._context.settings.remember_for

    @property
    def _surroundings(self) -> tuple[Sequence[str], Mapping[str, str], Path]:
        """What decides how pip reads a request: its options, the variables, and the prefix of the interpreter."""
        return self._context.choosing_options, os.environ, self._context.environment.prefix

    def _read(self, request: Request) -> Reading:
        return Reading(request, *self._surroundings)

    def _inputs(self, fingerprint: list[str] | None, state: Sequence[str]) -> list[str] | None:
        """Return all that decides what a request resolves to, or None where that cannot be told.

        ``state`` is what is installed.
        """
        if fingerprint is None:
            return None
        facts = self._context.facts
        interpreter = [facts.bytecode_tag, repr(facts.markers), *facts.wheel_tags]
        return [self._resolver.identity, *interpreter, *fingerprint, *state]

    @cached_property
    def _resolver(self) -> Resolver:
        return resolver(self._context.settings.resolver, self._resolver_surroundings)

    @property
    def _resolver_surroundings(self) -> Surroundings:
        context = self._context
        return Surroundings(
            cache=context.cache,
            facts=context.facts,
            python=context.environment.executable,
            version=context.environment.version,
            index_options=context.choosing_options,
            pip=lambda: context.pip,
            on_line=context.progress.detail,
        )

    def _check_network(self) -> None:
        if self._context.settings.offline and "--no-index" not in self._context.index_options:
            raise ResolveError(
                "no resolution of these requirements is remembered, and --offline forbids to ask an index; "
                "run once without, or give a lock"
            )
