"""Supplied wheels into the environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.manifest import UnpackedWheel
from virtualenv_reflink.environment.installed import layered
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.transaction.install import install
from virtualenv_reflink.transaction.supplied import SuppliedWheel
from virtualenv_reflink.transaction.transaction import Transaction

if TYPE_CHECKING:
    from virtualenv_reflink.environment.scripts import Aliases
    from virtualenv_reflink.provision.context import Context
    from virtualenv_reflink.provision.supply import Supply
    from virtualenv_reflink.requirements.lock import Locked


class Wanted:
    """What is to be placed: unpacked wheels that are at hand, with further names for their scripts, and packages."""

    def __init__(self, seeds: Sequence[UnpackedWheel], packages: Sequence[Locked], aliases: Aliases) -> None:
        self.seeds = seeds
        self.packages = packages
        self.aliases = aliases


class Placement:
    """Puts wheels into the environment, all at once where that is asked for and possible, else file by file."""

    def __init__(self, context: Context, supply: Supply) -> None:
        self._context = context
        self._supply = supply

    def place(self, wanted: Wanted, change: Transaction) -> Outcome:
        """Place what is wanted, as part of ``change``.

        :raises ReflinkError: naming what went wrong.
        """
        mode = self._context.modes.tree
        if mode is None:
            return self._place_files(wanted, change)
        # a lazy boundary: what knows layers
        from virtualenv_reflink.provision.layer_placement import has_layer, place_layer

        reason = mode.why_not(self._context.environment)
        if reason is None or has_layer(mode, wanted, self._context, self._supply):
            return place_layer(mode, wanted, self._context, self._supply, change)
        outcome = self._place_files(wanted, change)
        return outcome._replace(reasons=(reason, *outcome.reasons))

    def install(self, wheels: Sequence[SuppliedWheel], change: Transaction) -> Outcome:
        """Place wheels file by file, as part of ``change``.

        :raises ReflinkError: naming what went wrong.
        """
        context = self._context
        self._supply.check_unchanged(wheels)
        self._supply.expect_links(wheels)
        placer = Placer(context.modes.files)
        install(wheels, context.environment, placer, change, context.progress)
        self._supply.note_links(wheels)
        warnings = [warning for supplied in wheels for warning in supplied.wheel.metadata.warnings]
        return placer.outcome._replace(warnings=tuple(warnings))

    def _place_files(self, wanted: Wanted, change: Transaction) -> Outcome:
        wheels = [*self._supply.seeds(wanted.seeds, wanted.aliases), *self._supply.wheels(wanted.packages)]
        outcome = self.install(wheels, change)
        if layered(self._context.environment):
            from virtualenv_reflink.provision.layer_placement import refresh_layer

            refresh_layer(self._context, change)
        return outcome
