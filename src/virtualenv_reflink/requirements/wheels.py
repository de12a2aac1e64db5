"""Find the wheel that a user names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from virtualenv_reflink.errors import BadWheelError, ReflinkError


def find_wheel(wanted: str, search_dirs: Sequence[Path], wheel_tags: Sequence[str]) -> Path:
    """Return the wheel for ``wanted``: the path of a ``.whl``, or the name (and versions) of one in ``search_dirs``.

    Of several, the highest version wins, then the one whose tag ranks first in ``wheel_tags``.

    :raises BadWheelError: when the file named is not there, not a wheel, or not for this interpreter.
    :raises ReflinkError: when no wheel fits.
    """
    ranks = {tag: rank for rank, tag in enumerate(wheel_tags)}
    if wanted.endswith(".whl"):
        return _checked(Path(wanted), ranks)
    requirement = _requirement(wanted)
    candidates = [path for directory in search_dirs for path in sorted(directory.glob("*.whl"))]
    fitting = sorted(_fitting(requirement, candidates, ranks), reverse=True)
    if not fitting:
        places = ", ".join(map(str, search_dirs)) or "nowhere, as no --extra-search-dir is given"
        raise ReflinkError(f"no wheel for {wanted!r} that this interpreter can use was found (searched: {places})")
    return fitting[0][-1]


def _checked(wheel: Path, ranks: dict[str, int]) -> Path:
    if not wheel.is_file():
        raise BadWheelError(str(wheel), "there is no such file")
    try:
        *_, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise BadWheelError(wheel.name, f"its name is not that of a wheel ({error})") from error
    if _rank(tags, ranks) is None:
        raise BadWheelError(wheel.name, "it is for another platform or another Python than this environment's")
    return wheel.absolute()


def _requirement(wanted: str) -> Requirement:
    try:
        return Requirement(wanted)
    except InvalidRequirement as error:
        raise ReflinkError(
            f"{wanted!r} is neither the path of a .whl file nor a requirement such as name==version"
        ) from error


def _fitting(
    requirement: Requirement, candidates: list[Path], ranks: dict[str, int]
) -> Iterator[tuple[object, object, int, Path]]:
    for path in candidates:
        try:
            name, version, build, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        rank = _rank(tags, ranks)
        same = name == canonicalize_name(requirement.name)
        if same and rank is not None and requirement.specifier.contains(version, prereleases=True):
            yield version, build, -rank, path


def _rank(tags: frozenset[Tag], ranks: dict[str, int]) -> int | None:
    return min((ranks[str(tag)] for tag in tags if str(tag) in ranks), default=None)
