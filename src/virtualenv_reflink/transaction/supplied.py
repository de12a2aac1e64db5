"""What is to be installed."""

from types import MappingProxyType
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel
from virtualenv_reflink.environment.scripts import Aliases


class SuppliedWheel(NamedTuple):
    """A wheel in the cache with its bytecode, and what is recorded of it beside its files.

    ``requested`` tells that the user named it (REQUESTED, PEP 376), ``direct_url`` where it came from if not from an
    index (the text of direct_url.json, PEP 610). ``aliases`` are further names of its scripts. ``shared_objects`` are
    those of its files whose memory is to be shared.
    """

    wheel: UnpackedWheel
    bytecode: Tree | None
    requested: bool
    direct_url: str | None = None
    aliases: Aliases = MappingProxyType({})
    shared_objects: Tree | None = None

    @property
    def distribution(self) -> str:
        """The name of the distribution."""
        return self.wheel.metadata.distribution

    @property
    def dist_info(self) -> str:
        """The name of the metadata directory."""
        return self.wheel.metadata.dist_info

    @property
    def trees(self) -> list[Tree]:
        """The files of the wheel, and its bytecode if there is any."""
        return [self.wheel.tree, self.bytecode] if self.bytecode else [self.wheel.tree]
