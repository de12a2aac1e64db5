"""What a user asks for, in pip's words."""

from typing import NamedTuple


class Request(NamedTuple):
    """Requirements and the options that decide what they resolve to.

    ``choices`` are options of ``pip install`` alone; those about indexes and builds are given elsewhere, as all that
    pip does needs them.
    """

    requirements: tuple[str, ...] = ()
    editables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements or self.editables or self.files)

    def arguments(self) -> list[str]:
        """Return the arguments of ``pip install`` that say the same."""
        arguments = [*self.choices]
        for option, values in (("-r", self.files), ("-c", self.constraints), ("-e", self.editables)):
            for value in values:
                arguments += [option, value]
        return [*arguments, "--", *self.requirements] if self.requirements else arguments
