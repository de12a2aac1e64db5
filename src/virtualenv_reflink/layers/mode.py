"""What a link mode is that puts all of site-packages into place at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from virtualenv_reflink.environment.installed import installed_in, layered
from virtualenv_reflink.placing.mode import FileMode, LinkMode

if TYPE_CHECKING:
    from pathlib import Path

    from virtualenv_reflink.environment.environment import Environment
    from virtualenv_reflink.layers.layer import Layer
    from virtualenv_reflink.layers.stamps import Origin
    from virtualenv_reflink.placing.placer import Placer
    from virtualenv_reflink.transaction.supplied import SuppliedWheel
    from virtualenv_reflink.transaction.transaction import Transaction


class TreeMode(LinkMode):
    """A link mode that puts a layer into an environment.

    ``built_with`` are the modes of files that its layers are built with, ``beside`` those of the files that an
    environment gets beside its layer. One that ``extends`` can begin a new layer as a clone of another one. Where
    environments ``depend`` on their layer, the cache keeps it for them. Where ``putting_commits``, a change made just
    before may show in the stamp only when the layer has been put.
    """

    whole = True
    built_with: ClassVar[tuple[type[FileMode], ...]]
    beside: ClassVar[tuple[type[FileMode], ...]]
    extends: ClassVar[bool]
    depends: ClassVar[bool]
    putting_commits: ClassVar[bool]

    def why_not(self, environment: Environment) -> str | None:
        """Return why a layer cannot become the packages of an environment all at once, or None.

        :raises OSError: when the environment cannot be looked at.
        """
        if environment.purelib != environment.platlib:
            return "purelib and platlib are in different places"
        if environment.apart:
            return environment.apart
        state = layered(environment)
        if (state and state.tree.is_dir()) or any(installed_in(environment.purelib)):
            return "the environment already has packages"
        return None

    @abstractmethod
    def begin(self, tree: str, base: str | None) -> None:
        """Make the directory of a new layer, as a clone of the layer at ``base`` if there is one.

        :raises LinkModeError: where that is impossible.
        :raises OSError: when it fails for another reason, such as a full disk.
        """

    @abstractmethod
    def complete(self, tree: Path, wheels: Sequence[SuppliedWheel], environment: Environment) -> None:
        """Add what the mode itself needs to a new layer that has the files of all its ``wheels``.

        :raises ReflinkError: when that cannot be made.
        :raises OSError: when it cannot be written.
        """

    @abstractmethod
    def seal(self, tree: str) -> None:
        """Let nobody write what is in a layer.

        :raises OSError: when that fails.
        """

    @abstractmethod
    def stamp(self, tree: str, origins: Mapping[str, Origin]) -> str:
        """Return a text for :meth:`is_unchanged`, of a layer that is as it was made.

        Where the mode shares inodes, ``origins`` has the files of the cache that those in the layer may be links to.

        :raises OSError: when it cannot be read.
        """

    @abstractmethod
    def is_unchanged(self, tree: str, stamp: str, proven_ns: Callable[[str], int]) -> bool:
        """Return whether a layer is as it was when it had that stamp, as far as can be told at once.

        ``proven_ns`` tells until when nothing had happened to a tree of the cache but links that were noted.

        :raises TypeError, ValueError: when it is no stamp.
        """

    @abstractmethod
    def suspects(self, tree: str, stamp: str, proven_ns: Callable[[str], int]) -> frozenset[str] | None:
        """Return the directories, relative to a layer, in which files may have changed since it had that stamp.

        None where every difference is a change.

        :raises OSError: when it cannot be read.
        :raises TypeError, ValueError: when it is no stamp.
        """

    @abstractmethod
    def put(self, layer: Layer, environment: Environment, change: Transaction, placer: Placer) -> None:
        """Give an environment the packages of ``layer``, and the files that go with them.

        :raises LinkModeError: where that is impossible.
        :raises InstallError: when a file is in the way or the disk is full.
        """
