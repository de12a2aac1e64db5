"""Supplied wheels into the environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.manifest import UnpackedWheel
from virtualenv_reflink.environment.installed import layered
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.transaction.install import install
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import Transaction

if TYPE_CHECKING:
    from virtualenv_reflink.environment.environment import Environment
    from virtualenv_reflink.environment.scripts import Aliases
    from virtualenv_reflink.progress import Progress
    from virtualenv_reflink.provision.choice import Choice
    from virtualenv_reflink.provision.context import Context
    from virtualenv_reflink.provision.supply import Supply
    from virtualenv_reflink.requirements.lock import Locked


Installing = Callable[[Sequence[SuppliedWheel], "Environment", Placer, Transaction, "Progress"], None]


class Wanted:
    """What is to be placed: unpacked wheels that are at hand, with further names for their scripts, and packages.

    ``installing`` says what becomes of what is there.
    """

    def __init__(
        self,
        seeds: Sequence[UnpackedWheel],
        packages: Sequence[Locked],
        aliases: Aliases,
        installing: Installing = install,
    ) -> None:
        self.seeds = seeds
        self.packages = packages
        self.aliases = aliases
        self.installing = installing
        self._wheels: list[SuppliedWheel] | None = None

    def wheels(self, supply: Supply) -> list[SuppliedWheel]:
        """Return the wheels of the packages, which are supplied once.

        :raises ReflinkError: when one cannot be had.
        """
        if self._wheels is None:
            self._wheels = supply.wheels(self.packages)
        return self._wheels


class Placement:
    """Puts wheels into the environment, all at once where that is asked for and possible, else file by file."""

    def __init__(self, context: Context, supply: Supply) -> None:
        self._context = context
        self._supply = supply

    def place(self, wanted: Wanted, change: Transaction) -> Outcome:
        """Place what is wanted, as part of ``change``.

        :raises ReflinkError: naming what went wrong.
        """
        choice = self._choice(wanted)
        if choice is not None and choice.layer is not None:
            # a lazy boundary: what knows layers
            from virtualenv_reflink.provision.layer_placement import put_layer

            return put_layer(choice.mode, choice.layer, wanted, self._context, change)
        outcome = self._place_files(wanted, change)
        reasons = [choice.reason] if choice is not None and choice.reason else []
        return outcome._replace(reasons=(*reasons, *outcome.reasons))

    def install(
        self, wheels: Sequence[SuppliedWheel], change: Transaction, installing: Installing = install
    ) -> Outcome:
        """Place wheels file by file, as part of ``change``.

        :raises ReflinkError: naming what went wrong.
        """
        context = self._context
        if context.modes.shares_inodes:
            wheels = self._supply.own(wheels)
        if context.modes.shared_objects:
            wheels = self._supply.with_shared_objects(wheels)
        self._supply.check_unchanged(wheels)
        self._supply.expect_links(wheels)
        placer = Placer(context.modes.files, context.modes.shared_objects)
        installing(wheels, context.environment, placer, change, context.progress)
        self._supply.note_links(wheels)
        warnings = [warning for supplied in wheels for warning in supplied.wheel.metadata.warnings]
        return placer.outcome._replace(warnings=tuple(warnings))

    def _choice(self, wanted: Wanted) -> Choice | None:
        """Return the layer for what is wanted; None where layers do not come into question."""
        modes = self._context.modes
        if not wanted.seeds and not wanted.packages:
            return None
        # lazy boundaries: what knows layers
        if modes.tree is not None:
            from virtualenv_reflink.provision.layer_placement import layer_asked_for

            return layer_asked_for(modes.tree, wanted, self._context, self._supply)
        # seeds alone have too few files for a layer that nobody asked for
        if modes.for_many is not None and wanted.packages:
            from virtualenv_reflink.provision.automatic import layer_that_pays

            return layer_that_pays(modes.for_many, wanted, self._context, self._supply)
        return None

    def _place_files(self, wanted: Wanted, change: Transaction) -> Outcome:
        wheels = [*self._supply.seeds(wanted.seeds, wanted.aliases), *wanted.wheels(self._supply)]
        outcome = self.install(wheels, change, wanted.installing)
        if layered(self._context.environment):
            from virtualenv_reflink.provision.layer_placement import refresh_layer

            refresh_layer(self._context, change)
        return outcome
