"""What a placement really did."""

from typing import NamedTuple


class Outcome(NamedTuple):
    """The link mode that was used, how many single files were copied in its place, and the reasons for either.

    ``mode`` names one link mode, or several joined by "and" where filesystems differ. ``warnings`` are sentences about
    wheels that are not quite what they say they are. ``shared_objects`` names the link mode by which shared objects
    came where their memory was to be shared, or is None where there were none.
    """

    mode: str
    fallen_back: int = 0
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    shared_objects: str | None = None

    def __str__(self) -> str:
        """Tell it in a few words: ``clone``, or ``copy: ext4 has no reflinks``."""
        mode = f"{self.mode}, {self.fallen_back} files copied" if self.fallen_back else self.mode
        if self.shared_objects not in {None, self.mode}:
            mode = f"{mode}, shared objects by {self.shared_objects}"
        return f"{mode}: {', '.join(self.reasons)}" if self.reasons else mode
