"""The whole way: request -> lock -> wheels -> unpacked wheels -> environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.errors import ResolveError
from virtualenv_reflink.install.installation import Item, install
from virtualenv_reflink.install.installed import installed_in, normalized
from virtualenv_reflink.install.linking import Linker
from virtualenv_reflink.progress import Progress

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel
    from virtualenv_reflink.install.environment import Environment
    from virtualenv_reflink.install.layers import Layer
    from virtualenv_reflink.install.scripts import Aliases
    from virtualenv_reflink.requirements.fetch import Fetcher
    from virtualenv_reflink.requirements.lock import Lock, Locked
    from virtualenv_reflink.requirements.pip import Pip
    from virtualenv_reflink.requirements.request import Request

TEN_MINUTES = 600.0


class Settings(NamedTuple):
    """How to go about it; ``remember_for`` is how long a resolution is good, in seconds."""

    wheel_cache: Path
    link_mode: str = "auto"
    compile_bytecode: bool = True
    offline: bool = False
    refresh: bool = False
    remember_for: float = TEN_MINUTES


def default_wheel_cache() -> Path:
    """Return where the wheel cache of this user is, unless another place is chosen."""
    from platformdirs import user_cache_path

    return user_cache_path("virtualenv-reflink", appauthor=False)


class Provisioner:
    """Brings packages into one environment."""

    def __init__(self, settings: Settings, environment: Environment, progress: Progress | None = None) -> None:
        """Take the settings, the environment, and who hears of long work.

        :raises CacheError: when the wheel cache cannot be trusted.
        :raises LinkModeError: when there is no such link mode.
        """
        self.cache = WheelCache(settings.wheel_cache)
        self.linker = Linker(settings.link_mode)
        self._settings = settings
        self._environment = environment
        self._progress = progress or Progress()
        self.resolution_age: float | None = None

    @cached_property
    def facts(self) -> InterpreterFacts:
        """What there is to know of the environment's interpreter."""
        return self.cache.facts(self._environment.base_executable)

    def lock(self, request: Request, search_path: Sequence[Path]) -> Lock:
        """Return what is to be installed for ``request``, as remembered or as pip resolves it now.

        What is installed on ``search_path`` counts; with none, the request is resolved as for an empty environment.
        ``resolution_age`` then tells how old the resolution is in seconds, None for a new one.

        :raises ResolveError: with pip's own explanation, when there is no solution.
        """
        from virtualenv_reflink.requirements.local_wheels import lock_of_local_wheels
        from virtualenv_reflink.requirements.resolutions import Resolutions
        from virtualenv_reflink.requirements.resolver import resolve

        local = lock_of_local_wheels(request, self.cache, self.facts)
        if local is not None:
            return local
        resolutions = Resolutions(self.cache, self._inputs(request, search_path))
        remembered = None if self._settings.refresh else resolutions.recall(self._lifetime)
        if remembered:
            self.resolution_age = remembered.age
            return remembered.lock
        self._insist_on_network(request)
        with self._progress.stage("Resolving"):
            lock = resolve(request, self._pip, self._progress.detail, ignore_installed=not search_path)
        resolutions.remember(lock)
        return lock

    def read_lock(self, path: Path) -> Lock:
        """Return what a pylock.toml has for this environment.

        :raises LockError: when it cannot be read, is not valid, or is not for this environment.
        """
        from virtualenv_reflink.requirements.pylock import read_pylock

        return read_pylock(path, self.facts)

    def provide(self, packages: Sequence[Locked], sources: Sequence[str] = ()) -> None:
        """Install ``packages``; when one fails, the environment is as it was before.

        ``sources`` are pip's options about indexes and builds.

        :raises ResolveError: with pip's own explanation, when one cannot be downloaded or built.
        :raises ReflinkError: naming what else went wrong.
        """
        self._put([], packages, sources, {})

    def bundled(self, distribution: str) -> UnpackedWheel:
        """Return the wheel that virtualenv bundles for this environment's Python, unpacked.

        :raises ReflinkError: when virtualenv bundles none.
        """
        from virtualenv_reflink.requirements.bundled import bundled_wheel

        return self.cache.unpacked(bundled_wheel(self.cache, distribution, self._environment.version))

    def seed(
        self,
        seeds: Sequence[UnpackedWheel],
        requirements: Sequence[str] = (),
        files: Sequence[str] = (),
        sources: Sequence[str] = (),
        aliases: Aliases = MappingProxyType({}),
    ) -> None:
        """Install ``seeds`` and requirements into a new environment; where both have a distribution the latter decide.

        ``files`` hold requirements or are locks, ``sources`` are pip's options about indexes and builds, ``aliases``
        further names for scripts of the seeds.

        :raises ReflinkError: naming what went wrong; the environment then is as it was before.
        """
        lock = self._lock_for_empty(requirements, files, sources) if requirements or files else None
        packages = lock.copied if lock else []
        names = {normalized(package.name) for package in packages}
        kept = [seed for seed in seeds if normalized(seed.metadata.distribution) not in names]
        self._put(kept, packages, sources, aliases)
        if lock:
            self.install_editable(lock.editable, sources)

    def install_editable(self, packages: Sequence[Locked], options: Sequence[str]) -> None:
        """Have pip build and install packages that refer to their directories.

        :raises ResolveError: with pip's own explanation, when that fails.
        """
        for package in packages:
            with self._progress.stage(f"Building {package.name} {package.version}"):
                arguments = ["install", "--no-deps", "--force-reinstall", *options, "--editable", str(package.path)]
                self._pip.run(arguments, self._progress.detail)

    def _lock_for_empty(self, requirements: Sequence[str], files: Sequence[str], sources: Sequence[str]) -> Lock:
        """Return what requirements, files of them and locks come to in an environment that holds nothing yet.

        :raises ResolveError: with pip's own explanation, when there is no solution.
        :raises LockError: when a lock cannot be used.
        """
        from virtualenv_reflink.requirements.lock import merged
        from virtualenv_reflink.requirements.pylock import is_pylock
        from virtualenv_reflink.requirements.request import Request

        locks = [self.read_lock(Path(file)) for file in files if is_pylock(file)]
        others = tuple(file for file in files if not is_pylock(file))
        request = Request(requirements=tuple(requirements), files=others, sources=tuple(sources))
        return merged([*locks, self.lock(request, search_path=())] if request else locks)

    def _put(
        self, seeds: Sequence[UnpackedWheel], packages: Sequence[Locked], sources: Sequence[str], aliases: Aliases
    ) -> None:
        """Put seeds and packages into the environment, all at once where that is asked for and possible."""
        if self._settings.link_mode == "snapshot":
            reason = why_not_whole(self._environment)
            if reason is None:
                self._put_snapshot(seeds, packages, sources, aliases)
                return
            self.linker.fall_back(reason)
        items = self._items(seeds, packages, sources, aliases)
        install(items, self._environment, self.linker, self._progress)

    def _put_snapshot(
        self, seeds: Sequence[UnpackedWheel], packages: Sequence[Locked], sources: Sequence[str], aliases: Aliases
    ) -> None:
        from virtualenv_reflink.install.snapshots import install_snapshot

        layer = self._layer(seeds, packages, sources)
        keys = {seed.key for seed in seeds}
        rest = [item._replace(aliases=aliases) if item.wheel.key in keys else item for item in layer.rest]
        install_snapshot(layer._replace(rest=rest), self._environment, self.linker)
        self.linker.put_whole()

    def _layer(self, seeds: Sequence[UnpackedWheel], packages: Sequence[Locked], sources: Sequence[str]) -> Layer:
        """Return the layer of seeds and packages; one that is there costs no look at its wheels."""
        from virtualenv_reflink.install.layers import Member, build_layer, layer_key, read_layer

        tag = self.facts.bytecode_tag if self._settings.compile_bytecode else None
        own = [Member(seed.key, True, None) for seed in seeds]
        keys = self._fetcher(sources).known_keys(packages)
        if keys is not None:
            wanted = [Member(key, each.requested, each.direct_url) for key, each in zip(keys, packages, strict=True)]
            entry = self.cache.known_layer(layer_key([*own, *wanted], tag))
            if entry is not None:
                return read_layer(entry)
        items = self._items(seeds, packages, sources, {})
        members = [Member(item.wheel.key, item.requested, item.direct_url) for item in items]
        return read_layer(self.cache.layer(layer_key(members, tag), build_layer(items, self._environment)))

    def _items(
        self, seeds: Sequence[UnpackedWheel], packages: Sequence[Locked], sources: Sequence[str], aliases: Aliases
    ) -> list[Item]:
        """Return unpacked wheels with bytecode, all of them in the cache now."""
        wheels = self._fetcher(sources).fetch(packages)
        with self._progress.stage("Compiling", len(seeds) + len(wheels)):
            items = [Item(seed, self._bytecode(seed), requested=True, aliases=aliases) for seed in seeds]
            for package, wheel in zip(packages, wheels, strict=True):
                items.append(Item(wheel, self._bytecode(wheel), package.requested, package.direct_url))
            return items

    def _bytecode(self, wheel: UnpackedWheel) -> Tree | None:
        self._progress.step(wheel.metadata.wheel)
        if not self._settings.compile_bytecode:
            return None
        return self.cache.bytecode(wheel, self._environment.base_executable, self.facts)

    def _fetcher(self, sources: Sequence[str]) -> Fetcher:
        from virtualenv_reflink.requirements.fetch import Fetcher

        pip = None if self._settings.offline else (lambda: self._pip)
        return Fetcher(self.cache, self.facts, pip, sources, self._progress)

    @cached_property
    def _pip(self) -> Pip:
        from virtualenv_reflink.cache.manifest import TREE_NAME
        from virtualenv_reflink.install.layers import merged_tree
        from virtualenv_reflink.requirements.pip import Pip

        wheel = self.bundled("pip")
        bytecode = self.cache.bytecode(wheel, self._environment.base_executable, self.facts)
        fill = merged_tree([Item(wheel, bytecode, requested=True)], self._environment)
        entry = self.cache.layer(f"pip-{wheel.key}-{self.facts.bytecode_tag}", fill)
        return Pip(entry / TREE_NAME, self._environment.executable, self._environment.base_executable)

    @property
    def _lifetime(self) -> float:
        return float("inf") if self._settings.offline else self._settings.remember_for

    def _inputs(self, request: Request, search_path: Sequence[Path]) -> list[str]:
        from virtualenv_reflink.requirements.bundled import bundled_wheel
        from virtualenv_reflink.requirements.fingerprint import fingerprint

        pip = bundled_wheel(self.cache, "pip", self._environment.version).name
        facts = [self.facts.bytecode_tag, repr(self.facts.markers), *self.facts.wheel_tags]
        present = [f"{found.name} {found.version}" for place in search_path for found in installed_in(place)]
        return [pip, *facts, *fingerprint(request, os.environ), "installed" if search_path else "empty", *present]

    def _insist_on_network(self, request: Request) -> None:
        if self._settings.offline and "--no-index" not in request.sources:
            raise ResolveError(
                "no resolution of these requirements is remembered, and --offline forbids to ask an index; "
                "run once without, or give a lock"
            )


def why_not_whole(environment: Environment) -> str | None:
    """Return why a layer cannot become the packages of an environment all at once, or None."""
    if environment.purelib != environment.platlib:
        return "purelib and platlib are in different places"
    if any(installed_in(environment.purelib)):
        return "the environment already has packages"
    return None


def without_satisfied(packages: Sequence[Locked], environment: Environment) -> list[Locked]:
    """Return those of ``packages`` that the environment does not hold in this version."""
    present = {(found.name, found.version) for library in environment.libraries for found in installed_in(library)}
    return [
        package
        for package in packages
        if package.is_direct or (normalized(package.name), package.version) not in present
    ]
