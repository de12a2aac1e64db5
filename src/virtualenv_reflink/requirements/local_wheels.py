"""Requirements that need no resolver: wheel files on this machine without dependencies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.errors import BadWheelError
from virtualenv_reflink.requirements.lock import Lock, Locked

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts
    from virtualenv_reflink.cache.manifest import UnpackedWheel
    from virtualenv_reflink.cache.wheel_cache import WheelCache
    from virtualenv_reflink.requirements.request import Request


def lock_of_local_wheels(request: Request, cache: WheelCache, facts: InterpreterFacts) -> Lock | None:
    """Return the lock of a request that names nothing but wheel files which depend on nothing, else None.

    :raises BadWheelError: when such a file is not there, not a wheel, or not for this interpreter.
    """
    if request.editables or request.files or request.constraints or not _are_wheels(request.requirements):
        return None
    packages = []
    for wheel in [Path(named).absolute() for named in request.requirements]:
        _check_tags(wheel, facts)
        unpacked = cache.unpacked(wheel)
        if unpacked.metadata.requires_dist and "--no-deps" not in request.choices:
            return None
        packages.append(_locked(unpacked, wheel))
    return Lock(packages) if len({package.name for package in packages}) == len(packages) else None


def _are_wheels(requirements: tuple[str, ...]) -> bool:
    return all(named.endswith(".whl") and "://" not in named for named in requirements)


def _check_tags(wheel: Path, facts: InterpreterFacts) -> None:
    if not wheel.is_file():
        raise BadWheelError(str(wheel), "there is no such file")
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        *_, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise BadWheelError(wheel.name, f"its name is not that of a wheel ({error})") from error
    if {str(tag) for tag in tags}.isdisjoint(facts.wheel_tags):
        raise BadWheelError(wheel.name, "it is for another platform or another Python than this environment's")


def _locked(unpacked: UnpackedWheel, wheel: Path) -> Locked:
    archive = {"hash": f"sha256={unpacked.key}", "hashes": {"sha256": unpacked.key}}
    source = {"archive_info": archive, "url": wheel.as_uri()}
    return Locked(unpacked.metadata.distribution, unpacked.metadata.version, True, True, source)
