"""pip, run from a layer of its own in the cache, so that an environment needs none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.manifest import TREE_NAME
from virtualenv_reflink.layers.building import LayerBuilder
from virtualenv_reflink.layers.integrity import drop_changed, is_sound, is_whole, note_built
from virtualenv_reflink.layers.layer import kind_of
from virtualenv_reflink.layers.pth import PthLayer
from virtualenv_reflink.requirements.bundled import bundled_wheel
from virtualenv_reflink.requirements.pip import Pip
from virtualenv_reflink.transaction.supplied import SuppliedWheel

if TYPE_CHECKING:
    from virtualenv_reflink.cache.manifest import UnpackedWheel
    from virtualenv_reflink.provision.context import Context


def own_pip(context: Context) -> Pip:
    """Return the pip that virtualenv bundles for the environment's Python, made ready when it is run first."""
    environment = context.environment
    return Pip(context.cache, _OwnLayer(context), environment.executable, environment.base_executable)


class _OwnLayer:
    """A :class:`virtualenv_reflink.requirements.pip.PipLayer`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mode = PthLayer()

    def ready(self) -> Path:
        """Return its directory, made if that was never done.

        :raises ReflinkError: when virtualenv bundles no pip for this Python, or the cache cannot be written.
        """
        cache, mode = self._context.cache, self._mode
        layer = cache.cached_layer(self._key)
        if layer and not is_sound(layer, mode, cache, self._supplied):
            drop_changed(layer, cache, self._supplied())
            layer = None
        return (layer or self._built()) / TREE_NAME

    def is_lost(self) -> bool:
        """Return whether something in it was deleted."""
        cache = self._context.cache
        layer = cache.cached_layer(self._key)
        return layer is None or not is_whole(layer, self._mode, cache)

    @property
    def _bundled(self) -> UnpackedWheel:
        cache = self._context.cache
        return cache.unpacked(bundled_wheel(cache, "pip", self._context.environment.version))

    @property
    def _key(self) -> str:
        return f"pip-{self._bundled.key}-{self._context.facts.bytecode_tag}"

    def _supplied(self) -> list[SuppliedWheel]:
        cache, facts = self._context.cache, self._context.facts
        wheel = cache.own(self._bundled)
        bytecode = cache.bytecode(wheel, self._context.environment.base_executable, facts)
        return [SuppliedWheel(wheel, bytecode, requested=True)]

    def _built(self) -> Path:
        context, cache = self._context, self._context.cache
        kind = kind_of(self._mode, context.facts.bytecode_tag)
        builder = LayerBuilder(self._mode, kind, context.environment, context.progress)
        wheels = self._supplied()
        linked = cache.links.all_files([(each.wheel, each.bytecode) for each in wheels])
        cache.links.expect(linked)
        layer = cache.layer(self._key, builder.filling(wheels))
        cache.links.note(linked)
        note_built(layer, self._mode, cache, wheels)
        return layer
