"""pip, run from a layer of its own in the cache, so that an environment needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from virtualenv_reflink.cache.manifest import TREE_NAME
from virtualenv_reflink.layers.building import LayerBuilder
from virtualenv_reflink.layers.integrity import drop_changed, is_sound, note_built
from virtualenv_reflink.layers.layer import kind_of
from virtualenv_reflink.layers.pth import PthLayer
from virtualenv_reflink.requirements.bundled import bundled_wheel
from virtualenv_reflink.requirements.pip import Pip
from virtualenv_reflink.transaction.supplied import SuppliedWheel

if TYPE_CHECKING:
    from virtualenv_reflink.provision.context import Context


def own_pip(context: Context) -> Pip:
    """Return the pip that virtualenv bundles for the environment's Python, made ready if that was never done.

    :raises ReflinkError: when virtualenv bundles none.
    """
    cache, environment, facts = context.cache, context.environment, context.facts
    bundled = bundled_wheel(cache, "pip", environment.version)
    key = f"pip-{cache.unpacked(bundled).key}-{facts.bytecode_tag}"
    mode, layer = PthLayer(), cache.cached_layer(key)

    def supplied() -> list[SuppliedWheel]:
        wheel = cache.own(cache.unpacked(bundled))
        return [SuppliedWheel(wheel, cache.bytecode(wheel, environment.base_executable, facts), requested=True)]

    if layer and not is_sound(layer, mode, cache, supplied):
        drop_changed(layer, cache, supplied())
        layer = None
    if layer is None:
        builder = LayerBuilder(mode, kind_of(mode, facts.bytecode_tag), environment, context.progress)
        wheels = supplied()
        linked = cache.links.all_files([(each.wheel, each.bytecode) for each in wheels])
        cache.links.expect(linked)
        layer = cache.layer(key, builder.filling(wheels))
        cache.links.note(linked)
        note_built(layer, mode, cache, wheels)
    return Pip(layer / TREE_NAME, environment.executable, environment.base_executable)
