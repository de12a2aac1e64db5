"""Which layer an environment gets, if any."""

from typing import NamedTuple

from virtualenv_reflink.layers.layer import Layer
from virtualenv_reflink.layers.mode import TreeMode


class Choice(NamedTuple):
    """The layer to be put into an environment; where there is none files are placed, and the reason may be told."""

    mode: TreeMode
    layer: Layer | None
    reason: str | None = None
