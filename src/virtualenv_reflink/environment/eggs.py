"""What setuptools left of a distribution before there was RECORD, found as pip finds it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from virtualenv_reflink.cache.names import is_plain_name

EGGS = frozenset({".egg-info", ".egg", ".egg-link"})
"""What the names of metadata, of eggs by easy_install, and of links by ``setup.py develop`` end in."""
EASY_INSTALL = "easy-install.pth"
"""The file whose lines put linked projects and eggs on ``sys.path``."""


def eggs_in(library: Path) -> Iterator[Path]:
    """Yield the eggs and the links to projects that a library holds, none if it is not there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        yield from (library / name for name in sorted(os.listdir(library)) if name.endswith((".egg", ".egg-link")))


def name_of_egg(egg: Path) -> str:
    """Return the name of the project that an egg or a link is of."""
    return egg.stem if egg.suffix == ".egg-link" else egg.stem.partition("-")[0]


def listed_by_egg(path: Path) -> list[str]:
    """Return the files of a distribution, relative to where its egg, its link or its egg-info directory is.

    Of an egg-info directory they are those of installed-files.txt, or else what top_level.txt names.

    :raises OSError: when something cannot be read.
    """
    if path.suffix != ".egg-info":
        return _below(path) or [path.name]
    if not path.is_dir():
        return []
    listed = _lines(path / "installed-files.txt")
    if listed is not None:
        files = [os.path.normpath(os.path.join(path.name, name)) for name in listed]
    else:
        namespaces = _lines(path / "namespace_packages.txt") or []
        tops = [name for name in _lines(path / "top_level.txt") or [] if name not in namespaces]
        files = [file for name in tops for file in _of_top_level(path.parent / name)]
    return list(dict.fromkeys([*_below(path), *files]))


def line_of_egg(path: Path) -> str | None:
    """Return the line of easy-install.pth that goes with an egg or a link, None for all else.

    :raises OSError: when it cannot be read.
    """
    if path.suffix == ".egg-link":
        return next(iter(_lines(path) or []), None)
    return f"./{path.name}" if path.suffix == ".egg" else None


def scripts_of_egg(path: Path) -> list[str]:
    """Return the names of the scripts that setuptools made for entry points without listing them.

    :raises OSError: when something cannot be read.
    """
    metadata = _metadata(path)
    if metadata is None:
        return []
    # few environments have any of this, and all would wait for the import
    from importlib.metadata import PathDistribution

    points = PathDistribution(metadata).entry_points
    names = [point.name for point in points if point.group in {"console_scripts", "gui_scripts"}]
    return list(filter(is_plain_name, names))


def _metadata(path: Path) -> Path | None:
    if path.suffix == ".egg-link":
        return Path(line_of_egg(path) or path, f"{path.stem.replace('-', '_')}.egg-info")
    return {".egg": path / "EGG-INFO", ".egg-info": path}.get(path.suffix)


def _of_top_level(place: Path) -> list[str]:
    return [*_below(place), *(f"{place.name}{suffix}" for suffix in (".py", ".pyc", ".pyo"))]


def _lines(path: Path) -> list[str] | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        return [line.strip() for line in text.splitlines() if line.strip()]
    return None


def _below(directory: Path) -> list[str]:
    """Return all files in a directory, relative to the one above it; links are not followed."""
    found = os.walk(directory)
    return [os.path.relpath(f"{parent}/{name}", directory.parent) for parent, _, names in found for name in names]
