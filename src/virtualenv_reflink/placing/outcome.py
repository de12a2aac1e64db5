"""What a placement really did."""

from typing import NamedTuple


class Outcome(NamedTuple):
    """The link mode that was used, how many single files were copied in its place, and the reasons for either.

    ``mode`` names one link mode, or several joined by "and" where filesystems differ. ``warnings`` are sentences about
    wheels that are not quite what they say they are.
    """

    mode: str
    fallen_back: int = 0
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Tell it in a few words: ``clone``, or ``copy: ext4 has no reflinks``."""
        mode = f"{self.mode}, {self.fallen_back} files copied" if self.fallen_back else self.mode
        return f"{mode}: {', '.join(self.reasons)}" if self.reasons else mode
