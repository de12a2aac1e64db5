"""Whether a wheel may be installed for a Python."""

from __future__ import annotations

from virtualenv_reflink.cache.manifest import UnpackedWheel
from virtualenv_reflink.errors import BadWheelError


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
    least = required.removeprefix(">=").strip().split(".")
    if required.startswith(">=") and len(least) <= len(version) and all(map(_is_number, least)):
        return version >= tuple(map(int, least))
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(required).contains(".".join(map(str, version)), prereleases=True)
    except InvalidSpecifier:
        return True


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
