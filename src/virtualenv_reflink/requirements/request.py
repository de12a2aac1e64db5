"""What a user asks for, in pip's words."""

from collections.abc import Sequence
from typing import NamedTuple


class Request(NamedTuple):
    """Requirements and the options of ``pip install`` that decide what they resolve to.

    Options about indexes, formats and builds, which ``pip download`` and ``pip wheel`` take too, are not part of it.
    """

    requirements: tuple[str, ...] = ()
    editables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements or self.editables or self.files)

    def arguments(self, index_options: Sequence[str] = ()) -> list[str]:
        """Return the arguments of ``pip install`` that say the same."""
        arguments = [*self.choices, *index_options]
        for option, values in (("-r", self.files), ("-c", self.constraints), ("-e", self.editables)):
            for value in values:
                arguments += [option, value]
        return [*arguments, "--", *self.requirements] if self.requirements else arguments
