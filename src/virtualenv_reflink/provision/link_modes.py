"""The link modes that users choose from: a new one is a module of its own and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from virtualenv_reflink.errors import LinkModeError

if TYPE_CHECKING:
    from virtualenv_reflink.layers.mode import TreeMode
    from virtualenv_reflink.placing.mode import FileMode, LinkMode

DEFAULT = "auto"

# A lazy boundary: where each mode is, so that only what is chosen is imported.
_MODES = {
    "clone": "virtualenv_reflink.placing.clone:Clone",
    "snapshot": "virtualenv_reflink.layers.snapshot:Snapshot",
    "layer": "virtualenv_reflink.layers.pth:PthLayer",
    "copy": "virtualenv_reflink.placing.copy:Copy",
    "hardlink": "virtualenv_reflink.placing.hardlink:Hardlink",
}
_CHAINS = {DEFAULT: ("clone", "copy"), **{name: (name,) for name in _MODES}}
_FOR_MANY_FILES = {DEFAULT: "snapshot"}

LINK_MODES = tuple(_CHAINS)
"""The names."""


class LinkModes:
    """What a name stands for: the mode that puts a layer into place, if any, and those that place files, in turn."""

    def __init__(
        self,
        tree: TreeMode | None,
        files: Sequence[type[FileMode]],
        for_many: str | None = None,
        shared_objects: Sequence[type[FileMode]] = (),
    ) -> None:
        self.tree = tree
        self.files = files
        self.for_many = for_many
        """The name of the mode that puts a layer into place where nobody asked for one and there are many files."""
        self.shared_objects = shared_objects
        """The modes that place shared objects where their memory is to be shared."""

    @property
    def shares_inodes(self) -> bool:
        """Whether files of the cache itself may come into an environment."""
        return any(mode.shares_inodes for mode in self.files) or (self.tree is not None and self.tree.shares_inodes)

    def sharing_memory(self) -> LinkModes:
        """Return the same, but with the memory of shared objects shared; modes that share inodes do that anyway.

        :raises LinkModeError: when the mode makes all files new ones.
        """
        if self.shares_inodes:
            return self
        if self.tree is not None:
            raise LinkModeError(
                f"--share-memory is impossible with --link-mode {self.tree.name}, where no file is a hard link to the "
                "cache; use --link-mode auto, or leave one of the two out"
            )
        return LinkModes(None, self.files, shared_objects=[_mode("hardlink")])  # type: ignore[list-item]


class Description:
    """What users are told of a link mode."""

    def __init__(self, name: str, how: str, isolates: bool, where: str) -> None:
        self.name = name
        self.how = how
        self.isolates = isolates
        self.where = where


def tree_mode(name: str) -> TreeMode:
    """Return the link mode of that name, which puts a layer into place."""
    return _mode(name)()  # type: ignore[return-value]


def link_modes(name: str) -> LinkModes:
    """Return what the link mode of that name stands for.

    :raises LinkModeError: when there is none.
    """
    if name not in _CHAINS:
        raise LinkModeError(f"there is no link mode {name!r}; choose from {', '.join(LINK_MODES)}")
    modes = [_mode(each) for each in _CHAINS[name]]
    tree: TreeMode | None = next((mode() for mode in modes if mode.whole), None)  # type: ignore[assignment]
    files: list[type[FileMode]] = [mode for mode in modes if not mode.whole]  # type: ignore[misc]
    return LinkModes(tree, files or (tree.beside if tree else ()), _FOR_MANY_FILES.get(name))


def needs_lasting_cache(name: str) -> bool:
    """Return whether environments of that link mode need the wheel cache for as long as they live.

    :raises LinkModeError: when there is no such link mode.
    """
    tree = link_modes(name).tree
    return tree is not None and tree.depends


def descriptions() -> list[Description]:
    """Return what users are told of each link mode, in the order of their names."""
    modes = {name: _mode(name) for name in _MODES}
    first, *others = _CHAINS[DEFAULT]
    from virtualenv_reflink.layers.choice import LEAST_FILES  # for those who read about it

    many = f"`{_FOR_MANY_FILES[DEFAULT]}` where it can be made, for {LEAST_FILES:,} files and more"
    how = f"{many}, else `{first}` where a trial succeeds, else {', else '.join(f'`{name}`' for name in others)}"
    chosen = Description(DEFAULT, how, all(modes[name].isolates for name in _CHAINS[DEFAULT]), "everywhere")
    return [chosen, *(Description(name, mode.how, mode.isolates, mode.where) for name, mode in modes.items())]


def _mode(name: str) -> type[LinkMode]:
    module, _, attribute = _MODES[name].partition(":")
    mode: type[LinkMode] = getattr(import_module(module), attribute)
    return mode
