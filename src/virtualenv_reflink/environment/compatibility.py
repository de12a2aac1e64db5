"""Whether a wheel may be installed for a Python."""

from __future__ import annotations

import re

from virtualenv_reflink.cache.manifest import UnpackedWheel
from virtualenv_reflink.errors import BadWheelError

_NUMBERS = r"\d+(?:\.\d+){0,2}"
_PLAIN = rf"(?a)>=\s*(?P<least>{_NUMBERS})|<\s*(?P<limit>{_NUMBERS})|!=\s*(?P<series>{_NUMBERS})\.\*"


def check_python(wheel: UnpackedWheel, version: tuple[int, int, int]) -> None:
    """Compare ``version`` with the Requires-Python of ``wheel``; like pip, take one that cannot be read for none.

    :raises BadWheelError: when it excludes ``version``.
    """
    required = wheel.metadata.requires_python
    if required is not None and not _allows(required, version):
        python = ".".join(map(str, version))
        wanted = " ".join(required.split())  # a header may be folded, a message is one line
        raise BadWheelError(wheel.metadata.wheel, f"it requires Python {wanted}, and this environment has {python}")


def _allows(required: str, version: tuple[int, int, int]) -> bool:
    # nearly all say no more than this, and importing what reads the rest takes as long as seeding pip
    answers = [_answer(clause.strip(), version) for clause in required.split(",")]
    if None not in answers:
        return all(answers)
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(required).contains(".".join(map(str, version)), prereleases=True)
    except InvalidSpecifier:
        return True


def _answer(clause: str, version: tuple[int, int, int]) -> bool | None:
    """Return whether a plain clause, such as ``>=3.8``, ``<4`` or ``!=3.0.*``, holds; None for any other."""
    plain = re.fullmatch(_PLAIN, clause)
    if plain is None:
        return None
    numbers = tuple(map(int, (plain["least"] or plain["limit"] or plain["series"]).split(".")))
    if plain["least"]:
        return version >= numbers
    return version < numbers if plain["limit"] else version[: len(numbers)] != numbers
