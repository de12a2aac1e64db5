"""Build a layer from supplied wheels, without copying their data where the filesystem allows that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.cache.manifest import LAYER_NAME, TREE_NAME
from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.cache.small_files import read_small
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.environment.installed import installed_into
from virtualenv_reflink.errors import InstallError
from virtualenv_reflink.layers.layer import (
    Kind,
    Member,
    are_disjoint,
    inside_of,
    member_of,
    parse_outline,
    write_layer,
)
from virtualenv_reflink.layers.mode import TreeMode
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.transaction.install import install
from virtualenv_reflink.transaction.remove import remove_installed
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import Transaction


@contextmanager
def _losses_told() -> Iterator[None]:
    """Raise as it is what is missing from a layer that is being built: it was taken from the cache."""
    try:
        yield
    except InstallError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise error.__cause__ from None
        raise


class _Base(NamedTuple):
    tree: Path
    distributions: dict[Member, str]


class LayerBuilder:
    """Makes the layer of some wheels in an empty directory of the cache."""

    def __init__(self, mode: TreeMode, kind: Kind, environment: Environment, progress: Progress) -> None:
        self._mode = mode
        self._kind = kind
        self._environment = environment
        self._progress = progress

    def filling(
        self,
        wheels: Sequence[SuppliedWheel],
        known: Iterable[Path] = (),
        check_base: Callable[[Path], None] = lambda _: None,
    ) -> Callable[[Path], None]:
        """Return what makes the layer of ``wheels``, beginning with one of the ``known`` layers if that helps.

        That one is given to ``check_base`` once its files are in the new one.

        :raises LinkModeError: (when called) where layers of this mode are impossible.
        :raises OSError: (when called) when the cache cannot be written.
        """

        def fill(entry: Path) -> None:
            tree = entry / TREE_NAME
            base = self._nearest(wheels, known) if self._mode.extends else None
            self._mode.begin(str(tree), str(base.tree) if base else None)
            if base:
                check_base(base.tree.parent)
            with _losses_told():
                self._change(tree, wheels, base.distributions if base else {})
                self._mode.complete(tree, wheels, self._environment)
            write_layer(entry, self._kind, wheels)
            self._mode.seal(str(tree))

        return fill

    def _nearest(self, wheels: Sequence[SuppliedWheel], known: Iterable[Path]) -> _Base | None:
        """Return the known layer from which the one of ``wheels`` is made with the least change, or None.

        Where two wheels hold the same file the order of installation decides, so such a layer begins from nothing.
        """
        if not are_disjoint(wheels):
            return None
        wanted = {member_of(supplied) for supplied in wheels}
        least, nearest = len(wanted), None
        for entry in known:
            outline = read_small(entry / LAYER_NAME, parse_outline)
            if outline is None:
                continue
            difference = len(outline.distributions.keys() ^ wanted)
            if outline.kind == self._kind and outline.disjoint and difference < least:
                least, nearest = difference, _Base(entry / TREE_NAME, outline.distributions)
        return nearest

    def _change(self, tree: Path, wheels: Sequence[SuppliedWheel], present: dict[Member, str]) -> None:
        """Make a tree that has the distributions ``present`` hold ``wheels``."""
        wanted = {member_of(supplied) for supplied in wheels}
        unwanted = {normalized_name(name) for member, name in present.items() if member not in wanted}
        new = [inside_of(supplied) for supplied in wheels if member_of(supplied) not in present]
        inside = self._environment.with_all_in(tree)
        with Transaction(inside) as change:
            remove_installed([each for each in installed_into(inside) if each.name in unwanted], inside, change)
            install(new, inside, Placer(self._mode.built_with), change, self._progress)
