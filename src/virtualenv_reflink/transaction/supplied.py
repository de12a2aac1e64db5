"""What is to be installed."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel
    from virtualenv_reflink.environment.scripts import Aliases


class Item(NamedTuple):
    """A wheel to install, and what is recorded of it beside its files.

    ``requested`` tells that the user named it (REQUESTED, PEP 376), ``direct_url`` where it came from if not from an
    index (the text of direct_url.json, PEP 610). ``aliases`` are further names of its scripts.
    """

    wheel: UnpackedWheel
    bytecode: Tree | None
    requested: bool
    direct_url: str | None = None
    aliases: Aliases = MappingProxyType({})
