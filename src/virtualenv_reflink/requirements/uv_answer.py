"""What uv chose, made what pip would have said, and held to what was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from virtualenv_reflink.cache.names import normalized_name
from virtualenv_reflink.errors import ResolveError
from virtualenv_reflink.requirements.lock import Lock, Locked, Source
from virtualenv_reflink.requirements.origin import Wishes
from virtualenv_reflink.requirements.reading import EDITABLE, REQUIRED
from virtualenv_reflink.requirements.tool import without_credentials

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.reading import Reading, ReadRequirement

_FRAGMENT_HASH = re.compile(r"[#&](sha256|sha384|sha512)=([0-9a-fA-F]+)")


def as_of_pip(lock: Lock, reading: Reading) -> Lock:
    """Return a lock that tells what was requested, and whose addresses are without credentials."""
    wishes = Wishes(each for each in reading.requirements if each.role in {REQUIRED, EDITABLE})
    packages = [package._replace(source=_source(package.source)) for package in lock.packages]
    return Lock([package._replace(requested=wishes.of(package) is not None) for package in packages])


def checked(lock: Lock, reading: Reading) -> None:
    """Hold a lock to the hashes that requirements give: if one does, all must, as with pip.

    :raises ResolveError: naming a package that has no hash, or another one.
    """
    allowed = _Hashes(reading)
    for package in lock.packages:
        wanted = allowed.of(package)
        if wanted and not any(package.hashes.get(name) == value for name, value in wanted):
            said = ", ".join(f"{name}:{value}" for name, value in package.hashes.items()) or "none"
            raise ResolveError(
                f"the hash of {package.name} {package.version} is not one that its requirement gives (it is {said})"
            )
        if not wanted and allowed.are_required:
            raise ResolveError(
                f"hashes are required of all requirements, and {package.name} {package.version} has none; "
                f"pin it with --hash"
            )


def changes(lock: Lock, installed: Mapping[str, str], reading: Reading) -> Lock:
    """Return the packages of a lock that pip would install where some are installed already.

    One that is there in this version stays, unless pip is told otherwise, or it is built of files on this machine.
    """
    if {option.name for option in reading.general} & {"force-reinstall", "ignore-installed"}:
        return lock
    return Lock([package for package in lock.packages if not _stays(package, installed)])


def _stays(package: Locked, installed: Mapping[str, str]) -> bool:
    is_built_here = package.path is not None and package.is_direct and not package.is_wheel
    return not is_built_here and installed.get(normalized_name(package.name)) == package.version


def _source(source: Source) -> Source:
    plain = {**source, "url": without_credentials(source["url"])}
    hashes = source.get("archive_info", {}).get("hashes", {})
    if "sha256" in hashes:
        # of two names for the same pip writes both into direct_url.json
        plain["archive_info"] = {"hash": f"sha256={hashes['sha256']}", "hashes": hashes}
    return plain


class _Hashes:
    """The hashes that requirements and their addresses give."""

    def __init__(self, reading: Reading) -> None:
        self._wishes = Wishes(each for each in reading.requirements if _given(each))
        switches = {option.name for option in (*reading.general, *reading.options)}
        is_given = any(option.name == "hash" for each in reading.requirements for option in each.options)
        self.are_required = "require-hashes" in switches or (is_given and "no-require-hashes" not in switches)

    def of(self, package: Locked) -> list[tuple[str, str]]:
        """Return algorithms and values, of which one must be right; none where the requirement has no hash."""
        found = self._wishes.of(package)
        return _given(found) if found else []


def _given(requirement: ReadRequirement) -> list[tuple[str, str]]:
    words = [option.value.partition(":") for option in requirement.options if option.name == "hash"]
    fragment = [(name, value.lower()) for name, value in _FRAGMENT_HASH.findall(requirement.text)]
    return [(name, value.lower()) for name, _, value in words] or fragment
