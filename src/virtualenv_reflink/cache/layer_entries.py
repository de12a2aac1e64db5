"""Layers as entries of the cache: a directory each, and the file that describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from virtualenv_reflink.cache.manifest import LAYER_NAME
from virtualenv_reflink.cache.memory import Memory
from virtualenv_reflink.cache.small_files import read_small

_Value = TypeVar("_Value")


class LayerEntries(Memory):
    """The layers of a cache."""

    def layer(self, key: str, fill: Callable[[Path], None]) -> Path:
        """Return the layer that ``key`` names, having ``fill`` build and describe it if that was never done.

        :raises CacheError: when the cache lacks it and cannot be written.
        """

        def fill_with_modes(staged: Path) -> None:
            # a lazy boundary: nearly always it was built before
            from virtualenv_reflink.cache.modes import withhold_writing

            fill(staged)
            withhold_writing(staged)

        entry = self.store.path("layers", key)
        self.store.build(entry, LAYER_NAME, fill_with_modes)
        return entry

    def cached_layer(self, key: str) -> Path | None:
        """Return the layer that ``key`` names, or None where it was never built or has lost its description.

        :raises CacheError: when others may write to it.
        """
        entry = self.store.path("layers", key)
        if not self.store.holds(entry, LAYER_NAME):
            return None
        self.store.note_use(entry)
        return entry

    def cached_layers(self, prefix: str) -> Iterator[Path]:
        """Yield the layers whose names begin with ``prefix``."""
        for entry in self.store.path("layers").glob(f"{prefix}-*"):
            if self.store.holds(entry, LAYER_NAME):
                yield entry

    def described(self, layer: Path, parse: Callable[[str], _Value]) -> _Value | None:
        """Return what ``parse`` makes of a layer's description, or None where that is damaged."""
        return read_small(layer / LAYER_NAME, parse)

    def drop_layer(self, key: str) -> None:
        """Take a layer out of the cache; one that is not there is no error.

        :raises CacheError: when the cache cannot be written.
        """
        self.store.drop(self.store.path("layers", key))
