"""Lock to wheels: what the cache lacks is downloaded or built by pip, and unpacked into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.errors import BadWheelError, ResolveError
from virtualenv_reflink.requirements.builds import Builds
from virtualenv_reflink.requirements.cached_wheels import CachedWheels

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.manifest import UnpackedWheel
    from virtualenv_reflink.cache.wheel_cache import WheelCache
    from virtualenv_reflink.cache.workers import Workers
    from virtualenv_reflink.progress import Progress
    from virtualenv_reflink.requirements.lock import Locked
    from virtualenv_reflink.requirements.pip import Pip


class Fetcher:
    """Turns locked packages into unpacked wheels; hashes decide what is there already."""

    def __init__(
        self,
        cache: WheelCache,
        facts: InterpreterFacts,
        pip: Callable[[], Pip] | None,
        index_options: Sequence[str],
        choosing_options: Sequence[str],
        progress: Progress,
        workers: Callable[[], Workers],
    ) -> None:
        """Take the cache, the target's facts, what makes a pip (None for offline), and pip's options about indexes.

        ``choosing_options`` are those, and what else decides which wheels pip takes; ``workers`` makes processes that
        bring wheels into the cache.
        """
        self._cache = cache
        self._builds = Builds(cache, facts, index_options)
        self._known = CachedWheels(cache, self._builds)
        self._pip = pip
        self._index_options = list(index_options)
        self._choosing_options = list(choosing_options)
        self._progress = progress
        self._workers = workers

    def fetch(self, packages: Sequence[Locked]) -> list[UnpackedWheel]:
        """Return the unpacked wheels of ``packages``, in their order.

        :raises ResolveError: with pip's own explanation, when one cannot be downloaded or built.
        :raises BadWheelError: when one is not sound, or not what its hashes say.
        :raises CacheError: when the cache cannot be written.
        """
        found = [self._known.wheel(package) for package in packages]
        missing = [package for package, wheel in zip(packages, found, strict=True) if wheel is None]
        if missing:
            fetched = iter(self._fetched(missing))
            return [wheel or next(fetched) for wheel in found]
        return [wheel for wheel in found if wheel is not None]

    def wheel_keys(self, packages: Sequence[Locked]) -> list[str] | None:
        """Return the SHA-256 of the wheel of each package, or None if one of them is yet to be downloaded or built."""
        keys = []
        for package in packages:
            key = self._known.key(package)
            if key is None:
                return None
            keys.append(key)
        return keys

    def _fetched(self, missing: Sequence[Locked]) -> list[UnpackedWheel]:
        wheels = [package for package in missing if package.is_wheel]
        sources = [package for package in missing if not package.is_wheel]
        absent = [package for package in wheels if package.path is None]
        pip = self._checked_pip([*absent, *sources])
        # a lazy boundary: what is cached needs neither
        import tempfile

        from virtualenv_reflink.cache.workers import Archive
        from virtualenv_reflink.requirements.download import Downloads

        with (
            tempfile.TemporaryDirectory(prefix="virtualenv-reflink-") as directory,
            self._workers() as workers,
        ):
            places = {package.name: package.path or Path(directory, package.filename) for package in wheels}

            def make_ready(there: Iterable[Locked]) -> None:
                workers.add(Archive(places[package.name], package.sha256) for package in there)

            make_ready(package for package in wheels if package.path is not None)
            if absent:
                Downloads(pip, self._choosing_options, self._progress).download(absent, Path(directory), make_ready)
            unpacked = {}
            for number, package in enumerate(sources):
                unpacked[package.name] = self._built(pip(), package, Path(directory, f"build-{number}"))
            with self._progress.stage("Unpacking", len(wheels)):
                failed = workers.wait(self._progress.step)
            # what could not be made ready tells why when it is asked for
            for package in sorted(wheels, key=lambda each: places[each.name] != failed):
                unpacked[package.name] = self._known.unpacked(package, places[package.name])
        return [unpacked[package.name] for package in missing]

    def _checked_pip(self, absent: Sequence[Locked]) -> Callable[[], Pip]:
        """Return what makes a pip.

        :raises ResolveError: when there is something to fetch, and none may run.
        """
        if self._pip is not None:
            return self._pip
        names = ", ".join(f"{package.name} {package.version}" for package in absent)
        error = ResolveError(f"the wheel cache lacks {names}, and --offline forbids to fetch it; run once without")
        if absent:
            raise error

        def refuse() -> Pip:
            raise error

        return refuse

    def _built(self, pip: Pip, package: Locked, directory: Path) -> UnpackedWheel:
        from virtualenv_reflink.requirements.pip_requirements import write_requirements

        directory.mkdir()
        requirements = directory / "requirements.txt"
        write_requirements(requirements, [package])
        key_before = self._builds.key(package)
        with self._progress.stage(f"Building {package.name} {package.version}"):
            arguments = ["wheel", "--no-deps", "--wheel-dir", str(directory), *self._index_options]
            pip.run_alone([*arguments, "-r", str(requirements)], self._progress.detail)
        unpacked = self._cache.unpacked(_wheel_of(package, directory))
        self._builds.store(package, key_before, unpacked.key)
        return unpacked


def _wheel_of(package: Locked, directory: Path) -> Path:
    """Return the one wheel in a directory that is of a package."""
    wheels = sorted(directory.glob("*.whl"))
    for wheel in wheels:
        if normalized_name(wheel.name.partition("-")[0]) == normalized_name(package.name):
            return wheel
    built = ", ".join(wheel.name for wheel in wheels) or "nothing"
    raise BadWheelError(built, f"{package.name} was to be built, and this is another project")
