"""What an installation did, as pip and uv tell it."""

from __future__ import annotations

from collections.abc import Mapping

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.requirements.lock import Lock, Locked


class Report:
    """Tells of one installation; quiet, it tells nothing."""

    def __init__(self, lock: Lock, before: Mapping[str, str], *, quiet: bool) -> None:
        self._lock = lock
        self._before = before
        self._quiet = quiet

    def resolved(self, seconds: float, age: float | None) -> None:
        """Tell how many packages the requirements came to, and whether that was remembered."""
        if age is not None:
            self._say(f"Resolved {self._count()} (remembered, {age:.0f} s old)")
        elif self._lock.packages:
            self._say(f"Resolved {self._count()} in {seconds:.2f} s")

    def would_install(self) -> None:
        """Tell what an installation would do."""
        self._say(f"Would install {self._count()}" if self._lock.packages else "Nothing to install")
        self._list()

    def nothing_to_install(self) -> None:
        """Tell that there was nothing to do."""
        self._say("Everything is installed already")

    def installed(self, seconds: float, outcome: Outcome) -> None:
        """Tell what was done, in how many seconds, and how files reached the environment."""
        self._say(f"Installed {self._count()} in {seconds:.2f} s via {outcome}")
        self._list()

    def _count(self) -> str:
        number = len(self._lock.packages)
        return f"{number} package" if number == 1 else f"{number} packages"

    def _list(self) -> None:
        for package in sorted(self._lock.packages, key=lambda each: normalized_name(each.name)):
            before = self._before.get(normalized_name(package.name))
            if before is not None and before != package.version:
                self._say(f" - {package.name}=={before}")
            told = f"{package.name}=={package.version}" if package.version else package.name
            self._say(f" {'~' if before == package.version else '+'} {told}{_origin(package)}")

    def _say(self, line: str) -> None:
        if not self._quiet:
            print(line)


def _origin(package: Locked) -> str:
    return f" (from {package.url})" if package.is_direct else ""
