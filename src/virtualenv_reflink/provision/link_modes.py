"""The link modes that users choose from: a new one is a module of its own and a word here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.layers.mode import TreeMode
from virtualenv_reflink.layers.pth import PthLayer
from virtualenv_reflink.layers.snapshot import Snapshot
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.hardlink import Hardlink
from virtualenv_reflink.placing.mode import FileMode, LinkMode

DEFAULT = "auto"

_MODES: tuple[type[LinkMode], ...] = (Clone, Snapshot, PthLayer, Copy, Hardlink)
_CHAINS: dict[str, tuple[type[LinkMode], ...]] = {
    DEFAULT: (Clone, Copy),
    **{mode.name: (mode,) for mode in _MODES},
}

LINK_MODES = tuple(_CHAINS)
"""The names."""


class LinkModes(NamedTuple):
    """What a name stands for: the mode that puts a layer into place, if any, and those that place files, in turn."""

    tree: TreeMode | None
    files: Sequence[type[FileMode]]

    @property
    def shares_inodes(self) -> bool:
        """Whether files of the cache itself may come into an environment."""
        return any(mode.shares_inodes for mode in self.files) or (self.tree is not None and self.tree.shares_inodes)


class Description(NamedTuple):
    """What users are told of a link mode."""

    name: str
    how: str
    isolates: bool
    where: str


def link_modes(name: str) -> LinkModes:
    """Return what the link mode of that name stands for.

    :raises LinkModeError: when there is none.
    """
    if name not in _CHAINS:
        raise LinkModeError(f"there is no link mode {name!r}; choose from {', '.join(LINK_MODES)}")
    trees = [mode() for mode in _CHAINS[name] if issubclass(mode, TreeMode)]
    files = [mode for mode in _CHAINS[name] if issubclass(mode, FileMode)]
    tree = trees[0] if trees else None
    return LinkModes(tree, files or (tree.beside if tree else ()))


def descriptions() -> list[Description]:
    """Return what users are told of each link mode, in the order of their names."""
    first, *others = [mode.name for mode in _CHAINS[DEFAULT]]
    how = f"`{first}` where a trial succeeds, else {', else '.join(f'`{name}`' for name in others)}"
    chosen = Description(DEFAULT, how, all(mode.isolates for mode in _CHAINS[DEFAULT]), "everywhere")
    return [chosen, *(Description(mode.name, mode.how, mode.isolates, mode.where) for mode in _MODES)]
