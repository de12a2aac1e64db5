"""The whole way: request -> lock -> supplied wheels -> placement -> outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.environment.installed import present_versions
from virtualenv_reflink.errors import CacheError
from virtualenv_reflink.filesystem.source import SourceError
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.provision.context import Context
from virtualenv_reflink.provision.placement import Placement, Wanted
from virtualenv_reflink.provision.supply import Supply
from virtualenv_reflink.transaction.transaction import Transaction, exclusive, transaction

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.manifest import UnpackedWheel
    from virtualenv_reflink.environment.environment import Environment
    from virtualenv_reflink.environment.scripts import Aliases
    from virtualenv_reflink.environment.wholeness import Wholeness
    from virtualenv_reflink.placing.outcome import Outcome
    from virtualenv_reflink.provision.resolution import Resolution
    from virtualenv_reflink.provision.settings import Settings
    from virtualenv_reflink.requirements.lock import Lock, Locked

_A_DAY = 24 * 60 * 60.0


class Provisioner:
    """Brings packages into one environment."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        progress: Progress | None = None,
        index_options: Sequence[str] = (),
        on_wait: Callable[[str], None] = lambda _: None,
        foreign_options: Sequence[str] = (),
    ) -> None:
        """Take the settings, the environment, who is told of long work, and pip's options about indexes and builds.

        ``on_wait`` is told when another process changes the environment, which is then waited for. ``foreign_options``
        are those by which pip chooses wheels for another Python than that of the environment.

        :raises CacheError: when the wheel cache cannot be trusted.
        :raises LinkModeError: when there is no such link mode.
        """
        self._context = Context(settings, environment, progress or Progress(), index_options, foreign_options)
        self._supply = Supply(self._context)
        self._placement = Placement(self._context, self._supply)
        self._on_wait = on_wait

    @property
    def facts(self) -> InterpreterFacts:
        """What there is to know of the environment's interpreter.

        :raises ReflinkError: when it does not run.
        """
        return self._context.facts

    def exclusive(self) -> AbstractContextManager[None]:
        """Let no other process change the environment; what an interrupted change has left there is taken back first.

        :raises InstallError: when that fails.
        """
        return exclusive(self._context.environment, self._on_wait)

    def unpacked(self, wheel: Path) -> UnpackedWheel:
        """Return a wheel, unpacked.

        :raises ReflinkError: when it is not sound, or the cache cannot be written.
        """
        return self._context.cache.unpacked(wheel)

    def bundled(self, distribution: str) -> Path:
        """Return the wheel that virtualenv bundles for the environment's Python.

        :raises ReflinkError: when virtualenv bundles none.
        """
        # a lazy boundary: virtualenv finds its own wheels by itself
        from virtualenv_reflink.requirements.bundled import bundled_wheel

        return bundled_wheel(self._context.cache, distribution, self._context.environment.version)

    @cached_property
    def resolution(self) -> Resolution:
        """What finds out what exactly is to be installed."""
        # a lazy boundary: seeds need no resolving
        from virtualenv_reflink.provision.resolution import Resolution

        return Resolution(self._context)

    def is_whole(self, search_path: Sequence[Path]) -> bool:
        """Return whether no power cut has left anything on ``search_path`` without all of its content."""
        return not self._wholeness.cut_short(search_path)

    def without_satisfied(self, packages: Sequence[Locked], search_path: Sequence[Path]) -> list[Locked]:
        """Return those of ``packages`` that are not found whole on ``search_path`` in this version."""
        present = present_versions(search_path)
        damaged = self._wholeness.cut_short(search_path) if packages else frozenset()
        return [
            package
            for package in packages
            if package.is_direct
            or present.get(normalized_name(package.name)) != package.version
            or normalized_name(package.name) in damaged
        ]

    def seed(
        self,
        seeds: Sequence[Path],
        requirements: Sequence[str] = (),
        files: Sequence[str] = (),
        aliases: Aliases = MappingProxyType({}),
    ) -> Outcome:
        """Install wheels and requirements into a new environment; where both have a distribution the latter decide.

        ``seeds`` are wheel files, ``files`` hold requirements or are locks, ``aliases`` are further names of scripts.

        :raises ReflinkError: naming what went wrong; the environment then is as it was before.
        """
        with self.exclusive():
            lock = self.resolution.lock_for_empty(requirements, files) if requirements or files else None
            packages = lock.copied if lock else []
            editable = lock.editable if lock else []
            return self._install(lambda: Wanted(self._others(seeds, packages), packages, aliases), editable)

    def install(self, lock: Lock, seeds: Sequence[Path] = (), aliases: Aliases = MappingProxyType({})) -> Outcome:
        """Install the packages of a lock, and ``seeds`` as :meth:`seed` does.

        :raises ResolveError: with pip's own explanation, when one cannot be downloaded or built.
        :raises ReflinkError: naming what else went wrong; the environment then is as it was before.
        """
        return self._install(lambda: Wanted(self._others(seeds, lock.copied), lock.copied, aliases), lock.editable)

    def install_over(self, lock: Lock, seeds: Sequence[Path] = (), aliases: Aliases = MappingProxyType({})) -> Outcome:
        """Install the same over what is there, which is not looked at (pip's ``--ignore-installed``).

        :raises ResolveError: with pip's own explanation, when one cannot be downloaded or built.
        :raises ReflinkError: naming what else went wrong; the environment then is as it was before.
        """
        # a lazy boundary: new environments hold nothing
        from virtualenv_reflink.transaction.install import install_over

        return self._install(
            lambda: Wanted(self._others(seeds, lock.copied), lock.copied, aliases, install_over), lock.editable
        )

    def fill(self, lock: Lock) -> int:
        """Bring the packages of a lock into the cache, and pip, which every environment gets; return how many wheels.

        :raises ResolveError: with pip's own explanation, when one cannot be downloaded or built.
        :raises ReflinkError: naming what else went wrong.
        """
        seeds = self._supply.seeds([self.unpacked(self.bundled("pip"))], {})
        return len({supplied.wheel.key for supplied in (*seeds, *self._supply.wheels(lock.packages))})

    def eject(self, names: Sequence[str]) -> tuple[list[str], Outcome]:
        """Turn packages of the environment's layer into its own, all of them when none is named.

        Return which, as NAME==VERSION. When one fails, the environment is as it was before.

        :raises InstallError: when there is no layer, or it lacks a package.
        """
        from virtualenv_reflink.provision.layer_placement import eject

        with self._changing() as change:
            ejected, outcome = eject(names, self._context, self._supply, self._placement, change)
        metadata = [supplied.wheel.metadata for supplied in ejected]
        return [f"{each.distribution}=={each.version}" for each in metadata], outcome

    def _others(self, seeds: Sequence[Path], packages: Sequence[Locked]) -> list[UnpackedWheel]:
        """Return the seeds whose distributions are not among ``packages``."""
        names = {normalized_name(package.name) for package in packages}
        unpacked = [self.unpacked(seed) for seed in seeds]
        return [wheel for wheel in unpacked if normalized_name(wheel.metadata.distribution) not in names]

    def _install(self, wanted: Callable[[], Wanted], editable: Sequence[Locked]) -> Outcome:
        """Install what is wanted; where the cache turns out to have lost files, those wheels are unpacked again."""
        with self._built(editable) as prefixes:
            try:
                return self._context.cache.insist(
                    lambda: self._place(wanted(), prefixes), after_loss=self._supply.drop_damaged
                )
            except SourceError as error:
                raise CacheError(
                    f"{error.filename} of the wheel cache cannot be used: {error.strerror}; run the same command again"
                ) from error

    def _place(self, wanted: Wanted, prefixes: Sequence[Path]) -> Outcome:
        with self._changing() as change:
            outcome = self._placement.place(wanted, change)
            for prefix in prefixes:
                # a lazy boundary: few environments have editable projects
                from virtualenv_reflink.transaction.adopt import adopt

                adopt(prefix, self._context.environment, change)
        self._prune_once_a_day()
        return outcome

    def _prune_once_a_day(self) -> None:
        """Have the cache pruned in the background if that was not done for a day, unless the settings forbid it."""
        settings, store = self._context.settings, self._context.cache.store
        if settings.offline or not settings.cache_max_age or store.has_recent_note("pruned", "last", _A_DAY):
            return
        # a lazy boundary: it is due once a day
        from virtualenv_reflink.provision.daily_pruning import begin_pruning

        begin_pruning(store, settings.cache_max_age)

    def _changing(self) -> AbstractContextManager[Transaction]:
        return transaction(self._context.environment, self._on_wait)

    def _built(self, editable: Sequence[Locked]) -> AbstractContextManager[list[Path]]:
        if not editable:
            return nullcontext([])
        from virtualenv_reflink.provision.editables import built_editables

        return built_editables(editable, self._context)

    @cached_property
    def _wholeness(self) -> Wholeness:
        # a lazy boundary: new environments need no look at what they hold
        from virtualenv_reflink.environment.wholeness import Wholeness

        return Wholeness(self._context.cache, self._context.environment.root)
