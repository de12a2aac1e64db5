"""Which way packages come where the user leaves that to us: all at once where that pays, else file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.layers.choice import LEAST_FILES, are_on_one_btrfs, may_snapshot, why_not_unasked
from virtualenv_reflink.layers.layer import number_of_files
from virtualenv_reflink.provision.choice import Choice
from virtualenv_reflink.provision.layer_placement import built_layer, known_layer
from virtualenv_reflink.provision.link_modes import tree_mode

if TYPE_CHECKING:
    from virtualenv_reflink.provision.context import Context
    from virtualenv_reflink.provision.placement import Wanted
    from virtualenv_reflink.provision.supply import Supply


def layer_that_pays(name: str, wanted: Wanted, context: Context, supply: Supply) -> Choice | None:
    """Return the layer of what is wanted where the link mode of that name is possible, and quicker than placing files.

    :raises ReflinkError: naming what went wrong.
    """
    root = context.environment.root
    if context.cache.is_temporary or not are_on_one_btrfs(context.cache.root, root):
        return None
    mode = tree_mode(name)
    if mode.why_not(context.environment):
        return None
    layer = known_layer(mode, wanted, context, supply)
    # a known layer costs no look at its wheels
    files = layer.files if layer else number_of_files(wanted.wheels(supply))
    if files < LEAST_FILES or (layer and not may_snapshot(layer.tree)):
        return None
    reason = why_not_unasked(root)
    if reason is not None:
        return Choice(mode, None, reason)
    try:
        return Choice(mode, layer or built_layer(mode, wanted, context, supply))
    except LinkModeError:
        return None
