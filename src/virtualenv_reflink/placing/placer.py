"""Files into place, each by the link mode that its chain comes to."""

from collections.abc import Sequence
from typing import NamedTuple

from virtualenv_reflink.filesystem.interrupts import interrupts_put_off
from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.filesystem.reflink import Duplicate
from virtualenv_reflink.placing.chain import Chain
from virtualenv_reflink.placing.mode import FileMode
from virtualenv_reflink.placing.outcome import Outcome


class Refusals(NamedTuple):
    """How many single files refused a link mode that had been tried, and why the last of them did."""

    number: int = 0
    reason: str | None = None

    def __add__(self, other: "Refusals") -> "Refusals":  # type: ignore[override]
        return Refusals(self.number + other.number, other.reason or self.reason)


class Placer:
    """Puts files into place; a single file that refuses a mode that had been tried is copied and counted.

    ``files`` is the chain for files in general, ``shared_objects`` the one for those whose memory is to be shared.
    """

    def __init__(self, files: Sequence[type[FileMode]], shared_objects: Sequence[type[FileMode]] = ()) -> None:
        """Take the modes of both chains; where those for shared objects are impossible, they come as all files do."""
        umask = current_umask()
        self._default = files[0].name
        self.files = Chain([mode(umask) for mode in files])
        self.shared_objects = Chain([mode(umask) for mode in shared_objects], otherwise=self.files)
        self.refusals = Refusals()

    def place(self, mode: FileMode, files: Sequence[Duplicate]) -> None:
        """Put files into place; an interrupt leaves no part of one.

        :raises OSError: for the first file that cannot be placed.
        """
        with interrupts_put_off() as let_through:
            for file in files:
                refusal = mode.place(file, let_through)
                if refusal is not None:
                    self.refusals += Refusals(1, f"they refused with {refusal.strerror!r}")
                let_through()

    @property
    def outcome(self) -> Outcome:
        """What was done so far."""
        reasons = [
            *self.files.reasons,
            *(f"no shared memory, as {reason}" for reason in self.shared_objects.reasons),
            *([self.refusals.reason] if self.refusals.reason else []),
        ]
        return Outcome(
            mode=" and ".join(self.files.used or [self._default]),
            fallen_back=self.refusals.number,
            reasons=tuple(reasons),
            shared_objects=" and ".join(self.shared_objects.used) or None,
        )
