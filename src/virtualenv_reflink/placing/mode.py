"""What a link mode is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from virtualenv_reflink.filesystem.reflink import Duplicate


class LinkMode(ABC):
    """One way for files to reach an environment.

    ``how`` and ``where`` are told to users. An environment of a mode that ``isolates`` can be changed without changing
    anything else; a mode that ``shares_inodes`` hands out files of the cache themselves, read-only. A mode that is
    ``whole`` puts all of site-packages into place at once, any other mode file by file.
    """

    name: ClassVar[str]
    how: ClassVar[str]
    where: ClassVar[str]
    isolates: ClassVar[bool]
    shares_inodes: ClassVar[bool]
    whole: ClassVar[bool]


class FileMode(LinkMode):
    """A link mode that puts single files into place; ``native`` is what the native core calls it, if it has it."""

    whole = False
    native: ClassVar[int | None] = None

    def __init__(self, umask: int) -> None:
        """Take the permissions that new files do not get."""
        self._umask = umask

    @abstractmethod
    def why_not(self, source_file: str, target_directory: str) -> str | None:
        """Try it with a file of the cache and a directory of an environment; return why it is impossible, or None.

        :raises OSError: when the trial fails for a reason that every mode would meet, such as a full disk.
        """

    @abstractmethod
    def place(self, file: Duplicate, let_through: Callable[[], None]) -> OSError | None:
        """Put a file into place; return why if it refused this mode and was copied.

        While a large file is copied, ``let_through`` is called, which may raise for an interrupt that was put off.

        :raises OSError: when it cannot be placed at all; nothing is left of it then.
        """
