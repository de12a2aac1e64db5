"""Layers into the environment, and packages out of its layer."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.environment.installed import installed_in, layered, present_versions
from virtualenv_reflink.errors import CacheLostError, InstallError
from virtualenv_reflink.filesystem.source import SourceError
from virtualenv_reflink.layers.integrity import drop_changed, is_sound, is_unchanged, note_built
from virtualenv_reflink.layers.layer import Kind, Layer, Member, kind_of, layer_key, member_of, parse_layer
from virtualenv_reflink.layers.mode import TreeMode
from virtualenv_reflink.layers.pth import keep_layer_without, leave_layer
from virtualenv_reflink.layers.users import register_user
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.provision.choice import Choice
from virtualenv_reflink.transaction.errors import explained
from virtualenv_reflink.transaction.install import named
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import Transaction

if TYPE_CHECKING:
    from virtualenv_reflink.provision.context import Context
    from virtualenv_reflink.provision.placement import Placement, Wanted
    from virtualenv_reflink.provision.supply import Supply

_DELETED = "the wheel cache is deleted again and again"


def layer_asked_for(mode: TreeMode, wanted: Wanted, context: Context, supply: Supply) -> Choice:
    """Return the layer of what is wanted, which is built if that was never done, or why there can be none.

    :raises ReflinkError: naming what went wrong.
    """
    if _is_soon_gone(mode, context):
        return Choice(mode, None, _DELETED)
    reason = mode.why_not(context.environment)
    if reason is not None and not _has_layer(mode, wanted, context, supply):
        return Choice(mode, None, reason)
    layer = known_layer(mode, wanted, context, supply) or built_layer(mode, wanted, context, supply)
    # the cache may have been lost while its wheels were unpacked
    if _is_soon_gone(mode, context):
        return Choice(mode, None, _DELETED)
    return Choice(mode, layer)


def put_layer(mode: TreeMode, layer: Layer, wanted: Wanted, context: Context, change: Transaction) -> Outcome:
    """Put the layer of what is wanted into the environment.

    :raises ReflinkError: naming what went wrong.
    """
    seeds = {seed.key for seed in wanted.seeds}
    beside = [
        supplied._replace(aliases=wanted.aliases) if supplied.wheel.key in seeds else supplied
        for supplied in layer.beside
    ]
    if mode.depends:
        register_user(context.cache, layer.tree.parent.name, context.environment.root)
    mode.put(layer._replace(beside=beside), context.environment, change, Placer(context.modes.files))
    if mode.putting_commits:
        _check_unchanged(layer.tree.parent, mode, context)
    return Outcome(mode.name)


def known_layer(mode: TreeMode, wanted: Wanted, context: Context, supply: Supply) -> Layer | None:
    """Return the layer of what is wanted if it was built before; this costs no look at its wheels."""
    key = _known_key(mode, wanted, context, supply)
    return _known(key, mode, context, supply) if key else None


def built_layer(mode: TreeMode, wanted: Wanted, context: Context, supply: Supply) -> Layer:
    """Return the layer of what is wanted, built now.

    :raises ReflinkError: naming what went wrong.
    """
    cache = context.cache
    # a lazy boundary: what builds a layer
    from virtualenv_reflink.layers.building import LayerBuilder

    wheels = supply.own([*supply.seeds(wanted.seeds, {}), *wanted.wheels(supply)])
    supply.check_unchanged(wheels)
    supply.expect_links(wheels)
    kind = _kind(mode, context)
    builder = LayerBuilder(mode, kind, context.environment, context.progress)
    bases = (entry for entry in cache.cached_layers(mode.name) if is_unchanged(entry, mode, cache))
    fill = builder.filling(wheels, bases, lambda base: _check_unchanged(base, mode, context))
    # what had to be fetched or built is known by now
    key = _known_key(mode, wanted, context, supply) or layer_key(kind, [member_of(supplied) for supplied in wheels])
    entry = cache.layer(key, fill)
    supply.note_links(wheels)
    note_built(entry, mode, cache, wheels)
    layer = _described(entry, context)
    if layer is None:
        raise CacheLostError(f"the layer {entry} was damaged as soon as it was made; check the disk of --wheel-cache")
    return layer


def _is_soon_gone(mode: TreeMode, context: Context) -> bool:
    """Return whether an environment would lose its layer when this process ends."""
    return mode.depends and context.cache.is_temporary


def _has_layer(mode: TreeMode, wanted: Wanted, context: Context, supply: Supply) -> bool:
    """Return whether the layer of what is wanted is all that the environment has."""
    state = layered(context.environment)
    if state is None or not mode.depends or any(installed_in(context.environment.purelib)):
        return False
    return state.tree.is_dir() and state.tree.parent.name == _known_key(mode, wanted, context, supply)


def refresh_layer(context: Context, change: Transaction) -> None:
    """Tell the cache where a layered environment is, which may have been moved or copied; leave a layer that is gone.

    :raises InstallError: when that fails.
    """
    state = layered(context.environment)
    if state is None:
        return
    if not state.tree.is_dir():
        with explained("nothing", context.environment):
            leave_layer(context.environment, change)
    elif state.tree.is_relative_to(context.cache.root):
        register_user(context.cache, state.tree.parent.name, context.environment.root)


def eject(
    names: Sequence[str], context: Context, supply: Supply, placement: Placement, change: Transaction
) -> tuple[list[SuppliedWheel], Outcome]:
    """Turn packages of the environment's layer into its own, all of them when none is named; return which.

    What the environment holds itself already is left alone.

    :raises InstallError: when there is no layer, or it lacks a package.
    """
    environment = context.environment
    state = layered(environment)
    if state is None:
        raise InstallError(f"{environment.root} has no layer, so there is nothing to eject")
    if not state.tree.is_dir():
        raise InstallError(f"the layer {state.tree} is missing; create the environment again")
    own = present_versions(environment.libraries)
    layer = _described(state.tree.parent, context)
    if layer is None:
        raise InstallError(f"the layer {state.tree} is damaged; create the environment again")
    members = [_member(member, context, supply) for member in layer.members]
    by_name = {normalized_name(supplied.distribution): supplied for supplied in members}
    if missing := [name for name in names if normalized_name(name) not in by_name]:
        raise InstallError(f"the layer of {environment.root} has no {', '.join(missing)}")
    chosen = {normalized_name(name) for name in names} or set(by_name)
    ejected = [by_name[name] for name in by_name if name in chosen and name not in own]
    outcome = placement.install(ejected, change)
    with explained(named(ejected), environment):
        if set(by_name) <= {*own, *(normalized_name(supplied.distribution) for supplied in ejected)}:
            leave_layer(environment, change)
        else:
            keep_layer_without([supplied.distribution for supplied in ejected], state, environment, change)
    return ejected, outcome


def _known(key: str, mode: TreeMode, context: Context, supply: Supply) -> Layer | None:
    """Return a layer that was built before; one that is not as it was built is dropped, and None returned."""
    cache = context.cache
    layer = _described(cache.cached_layer(key), context)
    if layer is None:
        return None
    entry, members = layer.tree.parent, layer.members
    if is_sound(entry, mode, cache, lambda: _members(members, context, supply)):
        return layer
    drop_changed(entry, cache, _members(members, context, supply))
    return None


def _check_unchanged(entry: Path, mode: TreeMode, context: Context) -> None:
    """Refuse what came from a layer that was changed.

    :raises SourceError: when it was.
    """
    if not is_unchanged(entry, mode, context.cache):
        raise SourceError(errno.EIO, "it was changed after it came into the cache", str(entry))


def _members(members: Sequence[Member], context: Context, supply: Supply) -> list[SuppliedWheel] | None:
    try:
        return [_member(member, context, supply) for member in members]
    except InstallError:
        return None


def _described(entry: Path | None, context: Context) -> Layer | None:
    """Return a layer of the cache; one whose description is damaged is dropped, and None returned."""
    if entry is None:
        return None
    layer = context.cache.described(entry, partial(parse_layer, entry))
    if layer is None:
        context.cache.drop_layer(entry.name)
    return layer


def _known_key(mode: TreeMode, wanted: Wanted, context: Context, supply: Supply) -> str | None:
    """Return the name of the layer of what is wanted, or None where a wheel is yet to be downloaded or built."""
    keys = supply.wheel_keys(wanted.packages)
    if keys is None:
        return None
    own = [Member(seed.key, True, None) for seed in wanted.seeds]
    packages = zip(keys, wanted.packages, strict=True)
    members = [Member(key, package.requested, package.direct_url) for key, package in packages]
    return layer_key(_kind(mode, context), [*own, *members])


def _kind(mode: TreeMode, context: Context) -> Kind:
    return kind_of(mode, context.facts.bytecode_tag if context.settings.compile_bytecode else None)


def _member(member: Member, context: Context, supply: Supply) -> SuppliedWheel:
    wheel = context.cache.cached(member.key)
    if wheel is None:
        raise InstallError(f"the wheel cache has lost the wheel {member.key} of this layer; install it again")
    return SuppliedWheel(wheel, supply.bytecode(wheel), member.requested, member.direct_url)
