"""Lock to supplied wheels: unpacked, with their bytecode, all of them in the cache."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.entries import MAPPED
from virtualenv_reflink.environment.compatibility import check_python
from virtualenv_reflink.errors import BadWheelError
from virtualenv_reflink.filesystem.source import SourceError
from virtualenv_reflink.transaction.supplied import SuppliedWheel

if TYPE_CHECKING:
    from virtualenv_reflink.cache.hard_links import Linked
    from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel
    from virtualenv_reflink.environment.scripts import Aliases
    from virtualenv_reflink.provision.context import Context
    from virtualenv_reflink.requirements.fetch import Fetcher
    from virtualenv_reflink.requirements.lock import Locked


class Supply:
    """Brings wheels into the cache, and hands them out."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._supplied: list[SuppliedWheel] = []

    def seeds(self, wheels: Sequence[UnpackedWheel], aliases: Aliases) -> list[SuppliedWheel]:
        """Return unpacked wheels with their bytecode.

        :raises ReflinkError: when they cannot be compiled.
        """
        return self._checked(
            [SuppliedWheel(wheel, self.bytecode(wheel), requested=True, aliases=aliases) for wheel in wheels]
        )

    def wheels(self, packages: Sequence[Locked]) -> list[SuppliedWheel]:
        """Return the wheels of ``packages`` with their bytecode; what the cache lacks is fetched or built.

        :raises ResolveError: with pip's own explanation, when one cannot be downloaded or built.
        :raises ReflinkError: naming what else went wrong.
        """
        if not packages:
            return []
        wheels = self._fetcher.fetch(packages)
        packages, wheels = self._in_order(packages, wheels)
        context = self._context
        with context.progress.stage("Bytecode", len(wheels)) if context.settings.compile_bytecode else nullcontext():
            return self._checked(
                [
                    SuppliedWheel(wheel, self.bytecode(wheel), package.requested, package.direct_url)
                    for package, wheel in zip(packages, wheels, strict=True)
                ]
            )

    def _checked(self, wheels: list[SuppliedWheel]) -> list[SuppliedWheel]:
        """Return wheels that are for the environment's Python, and note that they are used.

        :raises BadWheelError: when one is for another Python, and pip is neither told to ignore that nor for which.
        """
        context = self._context
        self._supplied += wheels
        for supplied in wheels:
            try:
                check_python(supplied.wheel, context.environment.version)
            except BadWheelError:
                # a lazy boundary: hardly any wheel is for another Python
                from virtualenv_reflink.requirements.pip_configuration import is_switched_on

                words, prefix = context.choosing_options, context.environment.prefix
                if "--python-version" not in words and not is_switched_on(
                    "ignore-requires-python", words, os.environ, prefix
                ):
                    raise
        return wheels

    def _in_order(
        self, packages: Sequence[Locked], wheels: list[UnpackedWheel]
    ) -> tuple[Sequence[Locked], list[UnpackedWheel]]:
        """Return both in the order in which pip installs them; what pip resolved is in that order already."""
        if all(package.in_order for package in packages):
            return packages, wheels
        # a lazy boundary: only locks need it
        from virtualenv_reflink.requirements.known_orders import known_order

        order = known_order(wheels, self._context.facts.markers, self._context.cache)
        return [packages[index] for index in order], [wheels[index] for index in order]

    def wheel_keys(self, packages: Sequence[Locked]) -> list[str] | None:
        """Return the SHA-256 of the wheel of each package, or None if one of them is yet to be downloaded or built."""
        return self._fetcher.wheel_keys(packages) if packages else []

    def bytecode(self, wheel: UnpackedWheel) -> Tree | None:
        """Return the bytecode of a wheel, or None where none is wanted.

        :raises ReflinkError: when it cannot be compiled.
        """
        context = self._context
        if not context.settings.compile_bytecode:
            return None
        context.progress.step(wheel.metadata.wheel)
        return context.cache.bytecode(wheel, context.environment.base_executable, context.facts)

    def own(self, wheels: Sequence[SuppliedWheel]) -> list[SuppliedWheel]:
        """Return ``wheels`` as they lie in the cache itself, as files of base caches are never shared.

        :raises SourceError: when a base cache has lost a file.
        :raises CacheError: when the cache cannot be written.
        """
        owned = []
        for supplied in wheels:
            wheel = self._context.cache.own(supplied.wheel)
            if wheel is not supplied.wheel:
                supplied = supplied._replace(wheel=wheel, bytecode=supplied.bytecode and self.bytecode(wheel))
            owned.append(supplied)
        return owned

    def with_shared_objects(self, wheels: Sequence[SuppliedWheel]) -> list[SuppliedWheel]:
        """Return ``wheels`` with their shared objects named; those that have any lie in the cache itself then.

        :raises SourceError: when a file cannot be read.
        :raises CacheError: when the cache cannot be written.
        """
        links = self._context.cache.links
        named = []
        for supplied in wheels:
            if links.shared_objects(supplied.wheel):
                (supplied,) = self.own([supplied])
                supplied = supplied._replace(shared_objects=links.shared_objects(supplied.wheel))
            named.append(supplied)
        return named

    def check_unchanged(self, wheels: Sequence[SuppliedWheel]) -> None:
        """Refuse what was changed in the cache: what is hard-linked now, or was once, could be changed from outside.

        :raises SourceError: for the first file that was changed or is missing.
        """
        files = [*self._linked(wheels), *self._once_linked(wheels)]
        changed = self._context.cache.links.changed_file(files) if files else None
        if changed:
            raise SourceError(errno.EIO, "it was changed after it came into the cache", changed)

    def expect_links(self, wheels: Sequence[SuppliedWheel]) -> None:
        """Note that files of ``wheels`` themselves are about to come into an environment, in a mode that does that."""
        files = self._linked(wheels)
        if files:
            self._context.cache.links.expect(files)

    def note_links(self, wheels: Sequence[SuppliedWheel]) -> None:
        """Note that they have."""
        files = self._linked(wheels)
        if files:
            self._context.cache.links.note(files)

    def drop_damaged(self) -> None:
        """Drop those of the wheels handed out here that have lost files in the cache.

        :raises CacheError: when the cache cannot be written.
        """
        for supplied in self._supplied:
            if self._context.cache.changed_file(supplied.wheel, supplied.bytecode):
                self._context.cache.drop(supplied.wheel)
        self._supplied.clear()

    def _linked(self, wheels: Sequence[SuppliedWheel]) -> list[Linked]:
        """Return the files of the cache that themselves come into the environment, as the link mode has it."""
        cache = self._context.cache
        if self._context.modes.shares_inodes:
            return cache.links.all_files([(supplied.wheel, supplied.bytecode) for supplied in wheels])
        return [cache.links.mapped(supplied.shared_objects) for supplied in wheels if supplied.shared_objects]

    def _once_linked(self, wheels: Sequence[SuppliedWheel]) -> list[Linked]:
        """Return the other files of the cache that came into an environment themselves before."""
        if self._context.modes.shares_inodes:
            return []
        cache = self._context.cache
        unpacked = [supplied.wheel for supplied in wheels]
        linked = cache.linked(unpacked)
        mapped = cache.linked(unpacked, MAPPED) - linked
        whole = [(supplied.wheel, supplied.bytecode) for supplied in wheels if supplied.wheel.key in linked]
        parts = [
            cache.links.shared_objects(supplied.wheel)
            for supplied in wheels
            if supplied.wheel.key in mapped and supplied.shared_objects is None
        ]
        # a cache without links does not need to import what knows them
        found = cache.links.all_files(whole) if whole else []
        return [*found, *(cache.links.mapped(part) for part in parts if part)]

    @cached_property
    def _fetcher(self) -> Fetcher:
        # a lazy boundary: seeds need nothing of what fetches
        from virtualenv_reflink.requirements.fetch import Fetcher

        context = self._context
        pip = None if context.settings.offline else (lambda: context.pip)
        return Fetcher(
            context.cache,
            context.facts,
            pip,
            context.index_options,
            context.choosing_options,
            context.progress,
            context.workers,
        )
