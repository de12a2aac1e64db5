"""Requirements that lead pip to exactly the sources of a lock, as a file: it may hold credentials."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from virtualenv_reflink.requirements.hashes import CHECKED_BY_PIP, strong
from virtualenv_reflink.requirements.lock import Locked, Origin
from virtualenv_reflink.requirements.origin import option_text, with_userinfo

_NOTHING = Origin()


def write_requirements(
    path: Path, packages: Iterable[Locked], *, by_name: bool = False, editable: bool = False
) -> None:
    """Write a file that only its owner may read, for ``pip -r``.

    ``by_name`` leaves it to pip to find the archive with the hash of the lock on an index.
    """
    chosen = list(packages)
    lines = list(dict.fromkeys(line for package in chosen for line in (package.origin or _NOTHING).lines))
    form = _by_name if by_name else _editable if editable else _by_address
    lines += [f"{form(package)} {option_text((package.origin or _NOTHING).settings)}".rstrip() for package in chosen]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write("\n".join([*lines, ""]))


def _by_name(package: Locked) -> str:
    found = strong(package.hashes)
    hashes = " ".join(f"--hash={name}:{found[name]}" for name in CHECKED_BY_PIP if name in found)
    return f"{package.name}=={package.version} {hashes}".rstrip()


def _editable(package: Locked) -> str:
    return f"--editable {_by_address(package)}"


def _by_address(package: Locked) -> str:
    """Return the address with all that pip needs to fetch it, and the hash to check if there is one."""
    subdirectory = package.source.get("subdirectory")
    in_subdirectory = [f"subdirectory={quote(subdirectory)}"] if subdirectory else []
    if package.is_directory and package.path:
        return "#".join([package.path.as_uri(), *in_subdirectory])
    origin = package.origin or _NOTHING
    address, fragment = with_userinfo(package.url, origin.userinfo), []
    if vcs := package.source.get("vcs_info"):
        if package.path:
            address = f"file://{quote(str(package.path))}"
        address = f"{vcs['vcs']}+{address}@{vcs['commit_id']}"
    hashes = strong(package.hashes)
    strongest = next((name for name in CHECKED_BY_PIP if name in hashes), None)
    if strongest:
        fragment.append(f"{strongest}={hashes[strongest]}")
    fragment += in_subdirectory
    return f"{package.name} @ {address}{'#' if fragment else ''}{'&'.join(fragment)}"
