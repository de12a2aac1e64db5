"""Supplied wheels into the environment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from virtualenv_reflink.cache.manifest import UnpackedWheel
from virtualenv_reflink.environment.installed import installed_in, layered, normalized, present_versions
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.layers.layer import Layer, Member, kind_of, layer_key, member_of, read_layer
from virtualenv_reflink.layers.mode import TreeMode
from virtualenv_reflink.layers.pth import keep_layer_without, leave_layer
from virtualenv_reflink.layers.users import register_user
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.transaction.errors import explained
from virtualenv_reflink.transaction.install import install, named
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import Transaction

if TYPE_CHECKING:
    from virtualenv_reflink.environment.environment import Environment
    from virtualenv_reflink.environment.scripts import Aliases
    from virtualenv_reflink.provision.context import Context
    from virtualenv_reflink.provision.supply import Supply
    from virtualenv_reflink.requirements.lock import Locked


class Wanted(NamedTuple):
    """What is to be placed: unpacked wheels that are at hand, with further names for their scripts, and packages."""

    seeds: Sequence[UnpackedWheel]
    packages: Sequence[Locked]
    aliases: Aliases

    def __bool__(self) -> bool:
        return bool(self.seeds or self.packages)


class Placement:
    """Puts wheels into the environment, all at once where that is asked for and possible, else file by file."""

    def __init__(self, context: Context, supply: Supply) -> None:
        self._context = context
        self._supply = supply
        self._environment = context.environment

    def place(self, wanted: Wanted, change: Transaction) -> Outcome:
        """Place what is wanted, as part of ``change``.

        :raises ReflinkError: naming what went wrong.
        """
        mode = self._context.modes.tree
        if mode is None:
            return self._place_files(wanted, change)
        reason = why_not_whole(self._environment)
        if reason is None:
            return self._place_layer(mode, wanted, change)
        outcome = self._place_files(wanted, change)
        return outcome._replace(reasons=(reason, *outcome.reasons))

    def eject(self, names: Sequence[str], change: Transaction) -> tuple[list[SuppliedWheel], Outcome]:
        """Turn packages of the environment's layer into its own, all of them when none is named; return which.

        What the environment holds itself already is left alone.

        :raises InstallError: when there is no layer, or it lacks a package.
        """
        state = layered(self._environment)
        if state is None:
            raise InstallError(f"{self._environment.root} has no layer, so there is nothing to eject")
        if not state.tree.is_dir():
            raise InstallError(f"the layer {state.tree} is missing; create the environment again")
        own = present_versions(self._environment.libraries)
        members = [self._member(member) for member in read_layer(state.tree.parent).members]
        by_name = {normalized(supplied.distribution): supplied for supplied in members}
        if missing := [name for name in names if normalized(name) not in by_name]:
            raise InstallError(f"the layer of {self._environment.root} has no {', '.join(missing)}")
        chosen = {normalized(name) for name in names} or set(by_name)
        ejected = [by_name[name] for name in by_name if name in chosen and name not in own]
        outcome = self._install(ejected, change)
        with explained(named(ejected), self._environment):
            if set(by_name) <= {*own, *(normalized(supplied.distribution) for supplied in ejected)}:
                leave_layer(self._environment, change)
            else:
                without = [supplied.distribution for supplied in ejected]
                keep_layer_without(without, state, self._environment, change)
        return ejected, outcome

    def _place_files(self, wanted: Wanted, change: Transaction) -> Outcome:
        self._register_again()
        wheels = [*self._supply.seeds(wanted.seeds, wanted.aliases), *self._supply.wheels(wanted.packages)]
        return self._install(wheels, change)

    def _install(self, wheels: Sequence[SuppliedWheel], change: Transaction) -> Outcome:
        self._supply.check_unchanged(wheels)
        self._supply.note_links(wheels)
        placer = Placer(self._context.modes.files)
        install(wheels, self._environment, placer, change, self._context.progress)
        self._supply.note_links(wheels)
        return placer.outcome

    def _place_layer(self, mode: TreeMode, wanted: Wanted, change: Transaction) -> Outcome:
        layer = self._layer(mode, wanted)
        seeds = {seed.key for seed in wanted.seeds}
        beside = [
            supplied._replace(aliases=wanted.aliases) if supplied.wheel.key in seeds else supplied
            for supplied in layer.beside
        ]
        if mode.depends:
            register_user(self._context.cache, layer.tree.parent.name, self._environment.root)
        mode.put(layer._replace(beside=beside), self._environment, change, Placer(self._context.modes.files))
        return Outcome(mode.name)

    def _layer(self, mode: TreeMode, wanted: Wanted) -> Layer:
        """Return the layer of what is wanted; one that is there costs no look at its wheels."""
        cache, settings = self._context.cache, self._context.settings
        kind = kind_of(mode.name, self._context.facts.bytecode_tag if settings.compile_bytecode else None)
        own = [Member(seed.key, True, None) for seed in wanted.seeds]
        keys = self._supply.known_keys(wanted.packages)
        if keys is not None:
            packages = zip(keys, wanted.packages, strict=True)
            members = [Member(key, package.requested, package.direct_url) for key, package in packages]
            entry = cache.known_layer(layer_key(kind, [*own, *members]))
            if entry is not None:
                return read_layer(entry)
        # a lazy boundary: what builds a layer
        from virtualenv_reflink.layers.building import LayerBuilder

        wheels = [*self._supply.seeds(wanted.seeds, {}), *self._supply.wheels(wanted.packages)]
        self._supply.check_unchanged(wheels)
        self._supply.note_links(wheels)
        builder = LayerBuilder(mode, kind, self._environment, self._context.progress)
        fill = builder.filling(wheels, cache.known_layers(mode.name))
        entry = cache.layer(layer_key(kind, [member_of(supplied) for supplied in wheels]), fill)
        self._supply.note_links(wheels)
        return read_layer(entry)

    def _member(self, member: Member) -> SuppliedWheel:
        wheel = self._context.cache.known(member.key)
        if wheel is None:
            raise InstallError(f"the wheel cache has lost the wheel {member.key} of this layer; install it again")
        return SuppliedWheel(wheel, self._supply.bytecode(wheel), member.requested, member.direct_url)

    def _register_again(self) -> None:
        """Tell the cache of a layered environment that may have been moved or copied to where it is."""
        state = layered(self._environment)
        if state is not None and state.tree.is_relative_to(self._context.cache.root):
            register_user(self._context.cache, state.tree.parent.name, self._environment.root)


def why_not_whole(environment: Environment) -> str | None:
    """Return why a layer cannot become the packages of an environment all at once, or None."""
    if environment.purelib != environment.platlib:
        return "purelib and platlib are in different places"
    if environment.purelib == environment.root:
        return "it is a plain directory of packages"
    state = layered(environment)
    if (state and state.tree.is_dir()) or any(installed_in(environment.purelib)):
        return "the environment already has packages"
    return None


def without_satisfied(packages: Sequence[Locked], search_path: Sequence[Path]) -> list[Locked]:
    """Return those of ``packages`` that are not found on ``search_path`` in this version."""
    present = present_versions(search_path)
    return [
        package for package in packages if package.is_direct or present.get(normalized(package.name)) != package.version
    ]
