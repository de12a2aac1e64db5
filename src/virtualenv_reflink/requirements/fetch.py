"""Lock to wheels: what the cache lacks is downloaded or built by pip, and unpacked into it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.errors import BadWheelError, ResolveError
from virtualenv_reflink.requirements.fingerprint import directory_digest

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.manifest import UnpackedWheel
    from virtualenv_reflink.cache.wheel_cache import WheelCache
    from virtualenv_reflink.progress import Progress
    from virtualenv_reflink.requirements.lock import Locked
    from virtualenv_reflink.requirements.pip import Pip

_DOWNLOADS_AT_ONCE = 4
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


class Fetcher:
    """Turns locked packages into unpacked wheels; the SHA-256 decides what is there already."""

    def __init__(
        self,
        cache: WheelCache,
        facts: InterpreterFacts,
        pip: Callable[[], Pip] | None,
        sources: Sequence[str],
        progress: Progress,
    ) -> None:
        """Take the cache, the target's facts, what makes a pip (None for offline), and pip's options for sources."""
        self._cache = cache
        self._facts = facts
        self._pip = pip
        self._sources = list(sources)
        self._progress = progress

    def fetch(self, packages: Sequence[Locked]) -> list[UnpackedWheel]:
        """Return the unpacked wheels of ``packages``, in their order.

        :raises ResolveError: with pip's own explanation, when one cannot be downloaded or built.
        :raises BadWheelError: when one is not sound, or not what its hash says.
        :raises CacheError: when the cache cannot be written.
        """
        found = [self._cached(package) for package in packages]
        missing = [package for package, wheel in zip(packages, found, strict=True) if wheel is None]
        if missing:
            import tempfile

            self._insist_on_network(missing)
            with tempfile.TemporaryDirectory(prefix="virtualenv-reflink-") as directory:
                made = iter(self._made(missing, Path(directory)))
                return [wheel or next(made) for wheel in found]
        return [wheel for wheel in found if wheel is not None]

    def known_keys(self, packages: Sequence[Locked]) -> list[str] | None:
        """Return the SHA-256 of the wheel of each package, or None if one of them is yet to be downloaded or built."""
        keys = []
        for package in packages:
            key = package.sha256 if package.is_wheel else self._cache.recall("builds", self._build_key(package))
            if key is None:
                return None
            keys.append(key)
        return keys

    def _cached(self, package: Locked) -> UnpackedWheel | None:
        if package.is_wheel:
            known = self._cache.known(package.sha256) if package.sha256 else None
            return known or (self._unpacked(package, package.path) if package.path else None)
        built = self._cache.recall("builds", self._build_key(package))
        return self._cache.known(built) if built else None

    def _insist_on_network(self, missing: Sequence[Locked]) -> None:
        if self._pip is None:
            names = ", ".join(f"{package.name} {package.version}" for package in missing)
            raise ResolveError(f"the wheel cache lacks {names}, and --offline forbids to fetch it; run once without")

    def _made(self, missing: Sequence[Locked], directory: Path) -> list[UnpackedWheel]:
        wheels = [package for package in missing if package.is_wheel]
        sources = [package for package in missing if not package.is_wheel]
        unpacked = dict(self._downloaded(wheels, directory))
        unpacked |= {package.name: self._built(package, directory / str(n)) for n, package in enumerate(sources)}
        return [unpacked[package.name] for package in missing]

    def _downloaded(self, wheels: Sequence[Locked], directory: Path) -> Iterator[tuple[str, UnpackedWheel]]:
        if not wheels:
            return
        from concurrent.futures import ThreadPoolExecutor

        with self._progress.stage("Downloading", len(wheels)), ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
            shares = [wheels[start::_DOWNLOADS_AT_ONCE] for start in range(min(_DOWNLOADS_AT_ONCE, len(wheels)))]
            list(pool.map(lambda share: self._download(share, directory), shares))
        with self._progress.stage("Unpacking", len(wheels)):
            for package in wheels:
                self._progress.step(package.filename)
                yield package.name, self._unpacked(package, directory / package.filename)

    def _download(self, wheels: Sequence[Locked], directory: Path) -> None:
        arguments = ["download", "--no-deps", "--progress-bar", "raw", "--dest", str(directory), *self._sources]
        self._run([*arguments, "--", *map(requirement, wheels)])

    def _built(self, package: Locked, directory: Path) -> UnpackedWheel:
        from packaging.utils import canonicalize_name, parse_wheel_filename

        with self._progress.stage(f"Building {package.name} {package.version}"):
            self._run(["wheel", "--no-deps", "--wheel-dir", str(directory), *self._sources, "--", requirement(package)])
        (wheel,) = directory.glob("*.whl")
        name, version, *_ = parse_wheel_filename(wheel.name)
        if name != canonicalize_name(package.name):
            raise BadWheelError(wheel.name, f"{package.name} was to be built, and this is {name} {version}")
        unpacked = self._cache.unpacked(wheel)
        self._cache.keep("builds", self._build_key(package), unpacked.key)
        return unpacked

    def _run(self, arguments: Sequence[str]) -> None:
        assert self._pip
        self._pip().run(arguments, self._hear)

    def _hear(self, line: str) -> None:
        if progress := _PROGRESS.match(line):
            if progress[1] == progress[2] != "0":
                self._progress.step("")
        else:
            self._progress.detail(line)

    def _unpacked(self, package: Locked, wheel: Path) -> UnpackedWheel:
        unpacked = self._cache.unpacked(wheel)
        if package.sha256 and unpacked.key != package.sha256:
            raise BadWheelError(
                wheel.name, f"its SHA-256 is {unpacked.key}, where {package.sha256} was locked; get the right file"
            )
        return unpacked

    def _build_key(self, package: Locked) -> str:
        """Name what a build depends on: the very source, the interpreter, and the options."""
        source = dict(package.source)
        if package.path and package.path.is_dir():
            source["content"] = directory_digest(package.path)
        inputs = [source, self._sources, self._facts.bytecode_tag, self._facts.wheel_tags[0], self._facts.markers]
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def requirement(package: Locked) -> str:
    """Return the requirement that leads pip to exactly this source, and have it check the hash if there is one."""
    if package.path and package.path.is_dir():
        return str(package.path)
    address, fragment = package.url, []
    if vcs := package.source.get("vcs_info"):
        address = f"{vcs['vcs']}+{address}@{vcs['commit_id']}"
    strongest = next((name for name in ("sha256", "sha512", "sha384") if name in package.hashes), None)
    if strongest:
        fragment.append(f"{strongest}={package.hashes[strongest]}")
    if subdirectory := package.source.get("subdirectory"):
        fragment.append(f"subdirectory={subdirectory}")
    return f"{package.name} @ {address}{'#' if fragment else ''}{'&'.join(fragment)}"
