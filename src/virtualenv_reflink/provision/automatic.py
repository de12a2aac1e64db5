"""Which way packages come where the user leaves that to us: all at once where that pays, else file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.layers.choice import LEAST_FILES, are_on_one_btrfs, may_snapshot, why_not_unasked
from virtualenv_reflink.layers.layer import number_of_files
from virtualenv_reflink.provision.layer_placement import Choice, built_layer, known_layer

if TYPE_CHECKING:
    from virtualenv_reflink.layers.mode import TreeMode
    from virtualenv_reflink.provision.context import Context
    from virtualenv_reflink.provision.placement import Wanted
    from virtualenv_reflink.provision.supply import Supply


def layer_that_pays(mode: TreeMode, wanted: Wanted, context: Context, supply: Supply) -> Choice:
    """Return the layer of what is wanted where ``mode`` is possible, isolates, and is quicker than placing files.

    :raises ReflinkError: naming what went wrong.
    """
    root = context.environment.root
    if context.cache.is_temporary or mode.why_not(context.environment):
        return Choice(mode, None)
    if not are_on_one_btrfs(context.cache.root, root):
        return Choice(mode, None)
    layer = known_layer(mode, wanted, context, supply)
    # a known layer costs no look at its wheels
    files = layer.files if layer else number_of_files(wanted.wheels(supply))
    if files < LEAST_FILES:
        return Choice(mode, None)
    if layer and not may_snapshot(layer.tree):
        return Choice(mode, None)
    reason = why_not_unasked(root)
    if reason is not None:
        return Choice(mode, None, reason)
    try:
        return Choice(mode, layer or built_layer(mode, wanted, context, supply))
    except LinkModeError:
        return Choice(mode, None)
