"""pylock.toml in and out (PEP 751)."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from packaging.markers import Environment as MarkerEnvironment
from packaging.markers import Marker
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockUnsupportedVersionError,
    PylockValidationError,
)
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from virtualenv_reflink.errors import LockError
from virtualenv_reflink.filesystem.atomic import atomic_write
from virtualenv_reflink.requirements.hashes import CHECKED_BY_PIP, malformed, strong
from virtualenv_reflink.requirements.lock import Lock, Locked, Source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from virtualenv_reflink.cache.interpreter import InterpreterFacts

_LONGEST_SHOWN = 200
_SAME_PLATFORM = ("implementation_name", "python_version", "sys_platform", "platform_machine")


def read_pylock(path: Path, content: bytes, facts: InterpreterFacts) -> Lock:
    """Return what ``content`` of the lock at ``path`` has for an interpreter, without extras, with its default groups.

    :raises LockError: when it is not valid, or is not for this interpreter.
    """
    try:
        pylock = Pylock.from_dict(tomllib.loads(content.decode("utf-8")))
        tags = [Tag(*text.split("-", 2)) for text in facts.wheel_tags]
        environment: MarkerEnvironment = facts.markers  # type: ignore[assignment]
        chosen = list(pylock.select(environment=environment, tags=tags))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LockError(f"the lock {path} is not TOML: {error}") from error
    except RecursionError as error:
        raise LockError(f"the lock {path} is not valid: it is nested too deeply") from error
    except PylockUnsupportedVersionError as error:
        raise LockError(f"the lock {path} cannot be used: {error}; upgrade virtualenv-reflink or lock again") from error
    except PylockValidationError as error:
        raise LockError(f"the lock {path} is not valid: {error}") from error
    except PylockSelectError as error:
        raise LockError(f"the lock {path} is not for this environment: {error}") from error
    return Lock([_locked(package, archive, path) for package, archive in chosen])


def write_pylock(lock: Lock, path: Path, facts: InterpreterFacts) -> None:
    """Write ``lock`` for interpreters like the one it was resolved for.

    :raises LockError: when a package has no hash, or ``path`` cannot be written.
    """
    # an extra, which only writing needs
    import tomli_w

    platform = " and ".join(f"{name} == '{facts.markers[name]}'" for name in _SAME_PLATFORM)
    pylock = Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(platform)],
        created_by="virtualenv-reflink",
        packages=[
            _package(package, path.parent)
            for package in sorted(lock.packages, key=lambda each: canonicalize_name(each.name))
        ],
    )
    pylock.validate()
    try:
        atomic_write(path, tomli_w.dumps(pylock.to_dict()).encode("utf-8"))
    except OSError as error:
        raise LockError(f"the lock {path} cannot be written: {error.strerror}") from error


Archive = PackageWheel | PackageSdist | PackageArchive | PackageVcs | PackageDirectory


def _locked(package: Package, archive: Archive, lock: Path) -> Locked:
    source = _source(package, archive, lock)
    is_direct = not isinstance(archive, PackageWheel | PackageSdist)
    return Locked(package.name, str(package.version or _version(archive)), True, is_direct, source)


def _version(archive: Archive) -> Version | str:
    if isinstance(archive, PackageWheel):
        return parse_wheel_filename(archive.filename)[1]
    if isinstance(archive, PackageSdist):
        return parse_sdist_filename(archive.filename)[1]
    return ""


def _source(package: Package, archive: Archive, lock: Path) -> Source:
    source: Source = {}
    if isinstance(archive, PackageDirectory):
        source["url"] = _url(None, os.path.join(archive.path, archive.subdirectory or ""), lock, is_directory=True)
        source["dir_info"] = {"editable": True} if archive.editable else {}
    elif isinstance(archive, PackageVcs):
        source["url"] = _url(archive.url, archive.path, lock, is_directory=None)
        if archive.path is not None and source["url"].startswith("file:"):
            source["url"] = unquote(source["url"])
        source["vcs_info"] = {"vcs": archive.type, "commit_id": archive.commit_id}
        if archive.requested_revision:
            source["vcs_info"]["requested_revision"] = archive.requested_revision
    else:
        source["url"] = _url(archive.url, archive.path, lock)
        source["archive_info"] = {"hashes": _hashes(package.name, archive.hashes, lock)}
    if not isinstance(archive, PackageDirectory) and (subdirectory := getattr(archive, "subdirectory", None)):
        source["subdirectory"] = subdirectory
    return source


def _hashes(name: str, hashes: Mapping[str, str], lock: Path) -> dict[str, str]:
    """Return the strong hashes of an archive.

    :raises LockError: when pip knows none of them, or one is not a hash.
    """
    found = strong(hashes)
    if found.keys().isdisjoint(CHECKED_BY_PIP):
        raise LockError(f"the lock {lock} has no SHA-256 (or better) of {name}; lock again")
    if wrong := malformed(found):
        raise LockError(f"the lock {lock} has a {wrong} of {name} that is no hash; lock again")
    return found


def _url(url: str | None, path: str | None, lock: Path, *, is_directory: bool | None = False) -> str:
    """Return where an archive or directory is: on this machine if the lock has a path and there is something."""
    if path is None:
        return str(url)
    try:
        place = (lock.absolute().parent / path).resolve()
        mode = place.stat().st_mode
    except FileNotFoundError as error:
        if url is None:
            raise LockError(f"the lock {lock} names {path}, which does not exist") from error
        return url
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LockError(f"the lock {lock} names {_shortened(path)}, which cannot be read: {reason}") from error
    if is_directory is not None and is_directory != stat.S_ISDIR(mode):
        kind = "is not a directory" if is_directory else "is a directory, and a file was expected"
        raise LockError(f"the lock {lock} names {path}, which {kind}")
    return place.as_uri()


def _shortened(path: str) -> str:
    shown = path.encode("unicode_escape").decode("ascii") if not path.isprintable() else path
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def _package(package: Locked, base: Path) -> Package:
    name = canonicalize_name(package.name)
    if "archive_info" in package.source and not package.hashes:
        raise LockError(f"{package.name} {package.version} cannot be locked: its index gives no hash")
    version = Version(package.version) if package.version else None
    return Package(name=name, version=version, **_archive(package, base))


def _archive(package: Locked, base: Path) -> dict[str, Any]:
    """Return the part of a package's table that says where it comes from."""
    path = package.path
    place: dict[str, Any] = {"url": package.url} if path is None else {"path": _relative(path, base)}
    subdirectory = package.source.get("subdirectory")
    if "dir_info" in package.source:
        editable = package.is_editable or None
        return {"directory": PackageDirectory(path=place["path"], editable=editable, subdirectory=subdirectory)}
    if vcs := package.source.get("vcs_info"):
        revision = vcs.get("requested_revision")
        return {
            "vcs": PackageVcs(
                type=vcs["vcs"],
                **place,
                commit_id=vcs["commit_id"],
                requested_revision=revision,
                subdirectory=subdirectory,
            )
        }
    if package.is_direct:
        return {"archive": PackageArchive(**place, hashes=package.hashes, subdirectory=subdirectory)}
    if package.is_wheel:
        return {"wheels": [PackageWheel(name=package.filename, **place, hashes=package.hashes)]}
    return {"sdist": PackageSdist(name=package.filename, **place, hashes=package.hashes)}


def _relative(path: Path, base: Path) -> str:
    return Path(os.path.relpath(path, base.absolute())).as_posix()
