"""What every stage of the way needs, given once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.provision.link_modes import link_modes
from virtualenv_reflink.provision.settings import Settings

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.workers import Workers
    from virtualenv_reflink.environment.environment import Environment
    from virtualenv_reflink.requirements.pip import Pip


class Context:
    """One environment, and how to go about bringing packages into it."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        progress: Progress,
        index_options: Sequence[str],
        foreign_options: Sequence[str] = (),
    ) -> None:
        """Take the settings, the environment, who is told of long work, and pip's options about indexes and builds.

        ``foreign_options`` are those by which pip chooses wheels for another Python than that of the environment.

        :raises CacheError: when the wheel cache cannot be trusted.
        :raises LinkModeError: when there is no such link mode, or none that can share memory and is to.
        """
        self.settings = settings
        self.environment = environment
        self.progress = progress
        self.index_options = tuple(index_options)
        self.choosing_options = (*index_options, *foreign_options)
        modes = link_modes(settings.link_mode)
        self.modes = modes.sharing_memory() if settings.share_memory else modes
        self.cache = WheelCache(settings.wheel_cache, settings.base_caches)

    @cached_property
    def facts(self) -> InterpreterFacts:
        """What there is to know of the environment's interpreter.

        :raises ReflinkError: when it does not run.
        """
        return self.cache.facts(self.environment.base_executable)

    def workers(self) -> Workers:
        """Return worker processes that make wheels ready, as far as the settings want that."""
        # a lazy boundary: what is cached needs none
        from virtualenv_reflink.cache.workers import Workers

        compile_for = self.environment.base_executable if self.settings.compile_bytecode else None
        return Workers(self.cache.root, self.settings.base_caches, compile_for)

    @cached_property
    def pip(self) -> Pip:
        """The pip that resolves, downloads and builds."""
        from virtualenv_reflink.provision.own_pip import own_pip

        return own_pip(self)
