"""Requirements that need no resolver: wheel files on this machine, where pip would just take them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.errors import BadWheelError
from virtualenv_reflink.requirements.lock import Lock, Locked
from virtualenv_reflink.requirements.named import is_url
from virtualenv_reflink.requirements.pip_configuration import configured_options
from virtualenv_reflink.requirements.pip_options import INDEXES, PLACES, UnknownOptionError, options_of

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.manifest import UnpackedWheel
    from virtualenv_reflink.cache.wheel_cache import WheelCache
    from virtualenv_reflink.cache.workers import Workers
    from virtualenv_reflink.requirements.request import Request

# with one of them it does not matter what is installed
_REPLACING = frozenset({"--force-reinstall", "--ignore-installed"})
# options that change nothing for a wheel that is named by its path, and is to be installed whatever is there
_WITHOUT_EFFECT = (
    INDEXES
    | PLACES
    | {
        *("cache-dir", "cert", "client-cert", "disable-pip-version-check", "force-reinstall", "ignore-installed"),
        *("keyring-provider", "no-cache-dir", "no-color", "no-compile", "no-deps", "no-index", "no-input", "pre"),
        *("no-python-version-warning", "prefer-binary", "progress-bar", "proxy", "quiet", "require-virtualenv"),
        *("retries", "resume-retries", "root-user-action", "timeout", "trusted-host", "upgrade", "upgrade-strategy"),
        *("uploaded-prior-to", "verbose", "no-build-isolation", "break-system-packages", "dry-run", "prefix", "report"),
        *("root", "target"),
    }
)
# compiled when they are first used: few requests name a wheel file
_PLAIN_VERSION = r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?"
_HEADER = rb"(?im)^(Name|Version|Requires-Python):[ \t]*(.*?)[ \t]*$"


class LocalWheels:
    """Takes wheel files for what they are, unless anything makes pip look closer."""

    def __init__(
        self,
        cache: WheelCache,
        facts: InterpreterFacts,
        index_options: Sequence[str],
        environ: Mapping[str, str],
        prefix: Path,
        workers: Callable[[], Workers],
    ) -> None:
        """Take the cache, the target's facts, pip's options, and what pip's configuration for ``prefix`` depends on.

        ``workers`` makes processes that bring wheels into the cache.
        """
        self._cache = cache
        self._facts = facts
        self._index_options = index_options
        self._environ = environ
        self._prefix = prefix
        self._workers = workers

    def lock(self, request: Request, present: Collection[str]) -> Lock | None:
        """Return the lock of a request that names nothing but such files, else None: then pip decides.

        ``present`` are the normalized names of what is installed already.

        :raises BadWheelError: when such a file is not there, not a wheel, or not for this interpreter.
        """
        if request.editables or request.files or request.constraints or not _are_wheels(request.requirements):
            return None
        constrained = self._constrained(request)
        if constrained is None:
            return None
        packages = []
        wheels = [Path(named).absolute() for named in request.requirements]
        for wheel in wheels:
            self._check_tags(wheel)
        for wheel in self._made_ready(wheels):
            unpacked = self._cache.unpacked(wheel)
            name = normalized_name(unpacked.metadata.distribution)
            stays = name in present and not _REPLACING.intersection(request.choices)
            if stays or name in constrained or not _is_plain(unpacked, wheel):
                return None
            requirements = unpacked.metadata.requires_dist
            if requirements and not ("--no-deps" in request.choices and _are_requirements(requirements)):
                return None
            packages.append((_locked(unpacked, wheel), unpacked))
        names = {normalized_name(package.name) for package, _ in packages}
        return Lock(self._in_order(packages)) if len(names) == len(packages) else None

    def _made_ready(self, wheels: list[Path]) -> list[Path]:
        """Return wheels, one that cannot be made ready first: it tells why when it is asked for."""
        absent = [wheel for wheel in wheels if not self._cache.holds(wheel)]
        if len(absent) < 2:
            return wheels
        # a lazy boundary: nearly always all of them are there
        from virtualenv_reflink.cache.workers import Archive

        with self._workers() as workers:
            workers.add(map(Archive, absent))
            failed = workers.wait()
        return sorted(wheels, key=lambda wheel: wheel != failed)

    def _in_order(self, packages: Sequence[tuple[Locked, UnpackedWheel]]) -> list[Locked]:
        if len(packages) == 1:
            return [package for package, _ in packages]
        from virtualenv_reflink.requirements.order import Node, installation_order

        nodes = [Node(package.name, (), wheel.metadata.requires_python) for package, wheel in packages]
        return [packages[index][0] for index in installation_order(nodes, self._facts.markers)]

    def _constrained(self, request: Request) -> set[str] | None:
        """Return the projects that configured constraints name; None when an option may have an effect of its own."""
        try:
            given = list(options_of((*self._index_options, *request.choices)))
        except UnknownOptionError:
            return None
        configured = configured_options(self._environ, self._prefix)
        names = {option.name for option in (*given, *(configured or ()))}
        if configured is None or not names <= _WITHOUT_EFFECT | {"constraint"}:
            return None
        return self._constrained_by_files() if "constraint" in names else set()

    def _constrained_by_files(self) -> set[str] | None:
        from virtualenv_reflink.requirements.reading import Reading
        from virtualenv_reflink.requirements.request import Request

        reading = Reading(Request(), (), self._environ, self._prefix)
        is_plain = all(each.named.project and not each.options for each in reading.requirements)
        if reading.fingerprint() is None or reading.options or not is_plain:
            return None
        return {normalized_name(each.named.project) for each in reading.requirements}

    def _check_tags(self, wheel: Path) -> None:
        if not wheel.is_file():
            raise BadWheelError(str(wheel), "there is no such file")
        from packaging.utils import InvalidWheelFilename, parse_wheel_filename

        try:
            *_, tags = parse_wheel_filename(wheel.name)
        except InvalidWheelFilename as error:
            raise BadWheelError(wheel.name, f"its name is not that of a wheel ({error})") from error
        if {str(tag) for tag in tags}.isdisjoint(self._facts.wheel_tags):
            raise BadWheelError(wheel.name, "it is for another platform or another Python than this environment's")


def _are_wheels(requirements: tuple[str, ...]) -> bool:
    return bool(requirements) and all(
        named.endswith(".whl") and not is_url(named) and "@" not in named for named in requirements
    )


def _is_plain(unpacked: UnpackedWheel, wheel: Path) -> bool:
    """Return whether the metadata agrees with the file's name, and can be read."""
    metadata = unpacked.metadata
    file = Path(unpacked.tree.root, metadata.root_scheme, metadata.dist_info, "METADATA")
    try:
        content = file.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    except OSError:
        return False
    said = [(key.lower(), value.decode("utf-8", "replace")) for key, value in re.findall(_HEADER, content)]
    headers = dict(said)
    name, version = wheel.name.split("-")[:2]
    return (
        len(said) == len(headers)
        and normalized_name(headers.get(b"name", "")) == normalized_name(name)
        and headers.get(b"version") == version == metadata.version
        and bool(re.fullmatch(_PLAIN_VERSION, version))
        and _is_specifier(headers.get(b"requires-python", ""))
    )


def _are_requirements(requirements: Sequence[str]) -> bool:
    """Return whether all can be read: pip refuses a wheel where one cannot, though it would not follow it."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return all(Requirement(text) for text in requirements)
    except InvalidRequirement:
        return False


def _is_specifier(required: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(required)
    except InvalidSpecifier:
        return False
    return True


def _locked(unpacked: UnpackedWheel, wheel: Path) -> Locked:
    archive = {"hash": f"sha256={unpacked.key}", "hashes": {"sha256": unpacked.key}}
    source = {"archive_info": archive, "url": wheel.as_uri()}
    return Locked(unpacked.metadata.distribution, unpacked.metadata.version, True, True, source, in_order=True)
