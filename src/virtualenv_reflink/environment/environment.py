"""The target of an installation."""

from pathlib import Path
from typing import NamedTuple


class Environment(NamedTuple):
    """A target interpreter with its install scheme.

    ``executable`` is what scripts run, ``base_executable`` the interpreter that compiles for it, ``root`` the directory
    outside of which nothing is written. ``headers`` has a directory for each distribution. ``prefix`` is ``sys.prefix``
    of the interpreter, and ``apart`` says why it does not look for packages here by itself, where it does not.
    """

    root: Path
    executable: Path
    base_executable: Path
    version: tuple[int, int, int]
    purelib: Path
    platlib: Path
    scripts: Path
    headers: Path
    data: Path
    prefix: Path
    apart: str = ""

    def scheme(self, name: str, distribution: str) -> str:
        """Return the directory of a scheme."""
        if name == "headers":
            return str(self.headers / distribution)
        place: Path = getattr(self, name)
        return str(place)

    def with_all_in(self, directory: Path) -> "Environment":
        """Return the environment that has everything in one directory."""
        return self._replace(
            root=directory,
            purelib=directory,
            platlib=directory,
            scripts=directory,
            headers=directory,
            data=directory,
        )

    @property
    def libraries(self) -> list[Path]:
        """The directories that hold packages, each once."""
        return list(dict.fromkeys([self.purelib, self.platlib]))


def headers_of(root: Path, version: tuple[int, int, int]) -> Path:
    """Return where pip puts headers in a virtual environment."""
    return root / "include" / "site" / f"python{version[0]}.{version[1]}"
