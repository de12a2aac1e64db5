"""The whole way: request -> lock -> wheels -> unpacked wheels -> environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.installed import installed_in, layered, normalized, present_versions
from virtualenv_reflink.errors import InstallError, ResolveError
from virtualenv_reflink.placing.linking import LAYER_MODES, LINKING_MODES, Linker
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.transaction.supplied import Item

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel
    from virtualenv_reflink.environment.environment import Environment
    from virtualenv_reflink.environment.scripts import Aliases
    from virtualenv_reflink.layers.layer import Layer, Member
    from virtualenv_reflink.provision.settings import Settings
    from virtualenv_reflink.requirements.fetch import Fetcher
    from virtualenv_reflink.requirements.lock import Lock, Locked
    from virtualenv_reflink.requirements.pip import Pip
    from virtualenv_reflink.requirements.request import Request


class Provisioner:
    """Brings packages into one environment."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        progress: Progress | None = None,
        index_options: Sequence[str] = (),
    ) -> None:
        """Take the settings, the environment, who hears of long work, and pip's options about indexes and builds.

        :raises CacheError: when the wheel cache cannot be trusted.
        :raises LinkModeError: when there is no such link mode.
        """
        self.cache = WheelCache(settings.wheel_cache)
        self.linker = Linker(settings.link_mode)
        self._settings = settings
        self._environment = environment
        self._index_options = tuple(index_options)
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
        from virtualenv_reflink.requirements.local_wheels import LocalWheels
        from virtualenv_reflink.requirements.origin import with_origins
        from virtualenv_reflink.requirements.reading import Reading
        from virtualenv_reflink.requirements.resolutions import Resolutions

        context = (self._index_options, os.environ, self._environment.root)
        present = present_versions(search_path)
        local = LocalWheels(self.cache, self.facts, *context).lock(request, present)
        if local is not None:
            return local
        reading = Reading(request, *context)
        resolutions = Resolutions(self.cache, self._inputs(reading.fingerprint(), search_path))
        remembered = None if self._settings.refresh else resolutions.recall(self._lifetime)
        if remembered:
            self.resolution_age = remembered.age
            return with_origins(remembered.lock, reading)
        self._insist_on_network()
        from virtualenv_reflink.requirements.resolver import Resolver

        with self._progress.stage("Resolving"):
            resolver = Resolver(self._pip, self._index_options, self.facts.markers, self._progress.detail)
            lock = resolver.resolve(request, search_path)
        resolutions.remember(lock, self._inputs(Reading(request, *context).fingerprint_for(lock), search_path))
        return with_origins(lock, reading)

    def read_lock(self, path: Path) -> Lock:
        """Return what a pylock.toml has for this environment; the same file is parsed once.

        :raises LockError: when it cannot be read, is not valid, or is not for this environment.
        """
        from virtualenv_reflink.requirements.resolutions import known_lock

        return known_lock(path, self.cache, self.facts)

    def provide(self, packages: Sequence[Locked]) -> None:
        """Install ``packages``; when one fails, the environment is as it was before.

        :raises ResolveError: with pip's own explanation, when one cannot be downloaded or built.
        :raises ReflinkError: naming what else went wrong.
        """
        if packages:
            self._put([], packages, {})

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
        aliases: Aliases = MappingProxyType({}),
    ) -> None:
        """Install ``seeds`` and requirements into a new environment; where both have a distribution the latter decide.

        ``files`` hold requirements or are locks, ``aliases`` are further names for scripts of the seeds.

        :raises ReflinkError: naming what went wrong; the environment then is as it was before.
        """
        lock = self._lock_for_empty(requirements, files) if requirements or files else None
        packages = lock.copied if lock else []
        names = {normalized(package.name) for package in packages}
        kept = [seed for seed in seeds if normalized(seed.metadata.distribution) not in names]
        self._put(kept, packages, aliases)
        if lock:
            self.install_editable(lock.editable, self._index_options)

    def eject(self, names: Sequence[str]) -> list[str]:
        """Turn packages of the environment's layer into its own, all of them when none is named; return which.

        What the environment holds itself already is left alone. When one fails, the environment is as it was before.

        :raises InstallError: when there is no layer, or it lacks a package.
        """
        from virtualenv_reflink.layers.layer import read_layer
        from virtualenv_reflink.layers.pth import forget_files, leave_layer
        from virtualenv_reflink.transaction.install import install

        state = layered(self._environment)
        if state is None:
            raise InstallError(f"{self._environment.root} has no layer, so there is nothing to eject")
        if not state.tree.is_dir():
            raise InstallError(f"the layer {state.tree} has gone; make the environment anew")
        own = present_versions(self._environment.libraries)
        items = [self._layered_item(member) for member in read_layer(state.tree.parent).members]
        by_name = {normalized(item.wheel.metadata.distribution): item for item in items}
        if missing := [name for name in names if normalized(name) not in by_name]:
            raise InstallError(f"the layer of {self._environment.root} has no {', '.join(missing)}")
        wanted = {normalized(name) for name in names} or set(by_name)
        chosen = {name: by_name[name] for name in by_name if name in wanted and name not in own}
        self._insist_on_unchanged(list(chosen.values()))
        install(list(chosen.values()), self._environment, self.linker, self._progress)
        if set(by_name) <= {*own, *chosen}:
            leave_layer(self._environment)
        else:
            forget_files(self._environment, state, {item.wheel.metadata.distribution for item in chosen.values()})
        return [f"{item.wheel.metadata.distribution}=={item.wheel.metadata.version}" for item in chosen.values()]

    def _layered_item(self, member: Member) -> Item:
        wheel = self.cache.known(member.key)
        if wheel is None:
            raise InstallError(f"the wheel cache has lost the wheel {member.key} of this layer; install it again")
        return Item(wheel, self._bytecode(wheel), member.requested, member.direct_url)

    def install_editable(self, packages: Sequence[Locked], options: Sequence[str]) -> None:
        """Have pip build and install packages that refer to their directories.

        :raises ResolveError: with pip's own explanation, when that fails.
        """
        from virtualenv_reflink.requirements.editable import install_editable

        if packages:
            install_editable(self._pip, packages, options, self._progress)

    def _lock_for_empty(self, requirements: Sequence[str], files: Sequence[str]) -> Lock:
        """Return what requirements, files of them and locks come to in an environment that holds nothing yet.

        :raises ResolveError: with pip's own explanation, when there is no solution.
        :raises LockError: when a lock cannot be used.
        """
        from virtualenv_reflink.requirements.lock import merged
        from virtualenv_reflink.requirements.lock_files import is_pylock
        from virtualenv_reflink.requirements.request import Request

        locks = [self.read_lock(Path(file)) for file in files if is_pylock(file)]
        others = tuple(file for file in files if not is_pylock(file))
        request = Request(requirements=tuple(requirements), files=others)
        return merged([*locks, self.lock(request, search_path=())] if request else locks)

    def _put(self, seeds: Sequence[UnpackedWheel], packages: Sequence[Locked], aliases: Aliases) -> None:
        """Put seeds and packages into the environment, all at once where that is asked for and possible."""
        mode = self._settings.link_mode
        if mode in LAYER_MODES:
            reason = why_not_whole(self._environment)
            if reason is None:
                self._put_layer(mode, self._layer(mode, seeds, packages), seeds, aliases)
                return
            self.linker.fall_back(reason)
        from virtualenv_reflink.transaction.install import install

        self._register_again()
        items = self._items(seeds, packages, aliases)
        install(items, self._environment, self.linker, self._progress)
        self._note_links(items)

    def _put_layer(self, mode: str, layer: Layer, seeds: Sequence[UnpackedWheel], aliases: Aliases) -> None:
        from virtualenv_reflink.layers.pth import install_layer
        from virtualenv_reflink.layers.snapshot import install_snapshot
        from virtualenv_reflink.layers.users import register_root

        keys = {seed.key for seed in seeds}
        rest = [item._replace(aliases=aliases) if item.wheel.key in keys else item for item in layer.rest]
        if mode == "snapshot":
            install_snapshot(layer._replace(rest=rest), self._environment, self.linker)
        else:
            install_layer(layer._replace(rest=rest), self._environment, self.linker)
            register_root(self.cache, layer.tree.parent.name, self._environment.root)
        self.linker.put_whole()

    def _register_again(self) -> None:
        """Tell the cache of a layered environment that may have been moved or copied to where it is."""
        state = layered(self._environment)
        if state is not None and state.tree.is_relative_to(self.cache.root):
            from virtualenv_reflink.layers.users import register_root

            register_root(self.cache, state.tree.parent.name, self._environment.root)

    def _layer(self, mode: str, seeds: Sequence[UnpackedWheel], packages: Sequence[Locked]) -> Layer:
        """Return the layer of seeds and packages; one that is there costs no look at its wheels."""
        from virtualenv_reflink.layers.layer import Member, kind_of, layer_key, member_of, read_layer

        kind = kind_of(mode, self.facts.bytecode_tag if self._settings.compile_bytecode else None)
        own = [Member(seed.key, True, None) for seed in seeds]
        keys = self._fetcher.known_keys(packages) if packages else []
        if keys is not None:
            wanted = [Member(key, each.requested, each.direct_url) for key, each in zip(keys, packages, strict=True)]
            entry = self.cache.known_layer(layer_key(kind, [*own, *wanted]))
            if entry is not None:
                return read_layer(entry)
        from virtualenv_reflink.layers.building import layer_maker

        items = self._items(seeds, packages, {})
        fill = layer_maker(kind, items, self._environment, self.cache.known_layers(mode))
        entry = self.cache.layer(layer_key(kind, [member_of(item) for item in items]), fill)
        self._note_links(items)
        return read_layer(entry)

    def _items(self, seeds: Sequence[UnpackedWheel], packages: Sequence[Locked], aliases: Aliases) -> list[Item]:
        """Return unpacked wheels with bytecode, all of them in the cache now."""
        wheels = self._fetcher.fetch(packages) if packages else []
        if any(package.is_locked for package in packages):
            from virtualenv_reflink.requirements.order import order_of_wheels

            order = order_of_wheels(wheels, self.facts.markers)
            packages, wheels = [packages[index] for index in order], [wheels[index] for index in order]
        with self._progress.stage("Compiling", len(seeds) + len(wheels)):
            items = [Item(seed, self._bytecode(seed), requested=True, aliases=aliases) for seed in seeds]
            for package, wheel in zip(packages, wheels, strict=True):
                items.append(Item(wheel, self._bytecode(wheel), package.requested, package.direct_url))
        self._insist_on_unchanged(items)
        return items

    def _insist_on_unchanged(self, items: Sequence[Item]) -> None:
        """Refuse what was changed in the cache: what is hard-linked now, or was once, could be changed from outside."""
        linking = self._settings.link_mode in LINKING_MODES
        for item in items:
            if linking or self.cache.was_linked(item.wheel):
                self.cache.insist_on_unchanged(item.wheel, item.bytecode)

    def _note_links(self, items: Sequence[Item]) -> None:
        if self._settings.link_mode in LINKING_MODES:
            for tree in (tree for item in items for tree in (item.wheel.tree, item.bytecode) if tree):
                self.cache.note_links(tree)

    def _bytecode(self, wheel: UnpackedWheel) -> Tree | None:
        self._progress.step(wheel.metadata.wheel)
        if not self._settings.compile_bytecode:
            return None
        return self.cache.bytecode(wheel, self._environment.base_executable, self.facts)

    @cached_property
    def _fetcher(self) -> Fetcher:
        from virtualenv_reflink.requirements.fetch import Fetcher

        pip = None if self._settings.offline else (lambda: self._pip)
        return Fetcher(self.cache, self.facts, pip, self._index_options, self._progress)

    @cached_property
    def _pip(self) -> Pip:
        from virtualenv_reflink.cache.manifest import TREE_NAME
        from virtualenv_reflink.layers.building import linked_layer
        from virtualenv_reflink.layers.layer import kind_of
        from virtualenv_reflink.requirements.pip import Pip

        wheel = self.bundled("pip")
        bytecode = self.cache.bytecode(wheel, self._environment.base_executable, self.facts)
        kind = kind_of("layer", self.facts.bytecode_tag)
        fill = linked_layer(kind, [Item(wheel, bytecode, requested=True)], self._environment)
        entry = self.cache.layer(f"pip-{wheel.key}-{self.facts.bytecode_tag}", fill)
        return Pip(entry / TREE_NAME, self._environment.executable, self._environment.base_executable)

    @property
    def _lifetime(self) -> float:
        return float("inf") if self._settings.offline else self._settings.remember_for

    def _inputs(self, fingerprint: list[str] | None, search_path: Sequence[Path]) -> list[str] | None:
        from virtualenv_reflink.requirements.bundled import bundled_wheel

        if fingerprint is None:
            return None
        pip = bundled_wheel(self.cache, "pip", self._environment.version).name
        facts = [self.facts.bytecode_tag, repr(self.facts.markers), *self.facts.wheel_tags]
        present = [f"{found.name} {found.version}" for place in search_path for found in installed_in(place)]
        return [pip, *facts, *fingerprint, "installed" if search_path else "empty", *present]

    def _insist_on_network(self) -> None:
        if self._settings.offline and "--no-index" not in self._index_options:
            raise ResolveError(
                "no resolution of these requirements is remembered, and --offline forbids to ask an index; "
                "run once without, or give a lock"
            )


def why_not_whole(environment: Environment) -> str | None:
    """Return why a layer cannot become the packages of an environment all at once, or None."""
    if environment.purelib != environment.platlib:
        return "purelib and platlib are in different places"
    if layered(environment) or any(installed_in(environment.purelib)):
        return "the environment already has packages"
    return None


def without_satisfied(packages: Sequence[Locked], search_path: Sequence[Path]) -> list[Locked]:
    """Return those of ``packages`` that are not found on ``search_path`` in this version."""
    present = present_versions(search_path)
    return [
        package for package in packages if package.is_direct or present.get(normalized(package.name)) != package.version
    ]
