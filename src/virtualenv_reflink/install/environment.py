"""The target of an installation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """A target interpreter with its install scheme.

    ``executable`` is what scripts run, ``base_executable`` the interpreter that compiles for it, ``root`` the directory
    outside of which nothing is written.
    """

    root: Path
    executable: Path
    base_executable: Path
    version: tuple[int, int, int]
    purelib: Path
    platlib: Path
    scripts: Path

    def scheme(self, name: str, distribution: str) -> str:
        """Return the directory of a scheme; headers have one for each distribution, as pip has them in environments."""
        if name == "data":
            return str(self.root)
        if name == "headers":
            python = f"python{self.version[0]}.{self.version[1]}"
            return str(self.root / "include" / "site" / python / distribution)
        return str({"purelib": self.purelib, "platlib": self.platlib, "scripts": self.scripts}[name])
