"""Whether a wheel may be installed for a Python."""

from __future__ import annotations

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from virtualenv_reflink.cache.manifest import UnpackedWheel
from virtualenv_reflink.errors import BadWheelError


def check_python(wheel: UnpackedWheel, version: tuple[int, int, int]) -> None:
    """Compare ``version`` with the Requires-Python of ``wheel``; like pip, take one that cannot be read for none.

    :raises BadWheelError: when it excludes ``version``.
    """
    required = wheel.metadata.requires_python
    if required is None:
        return
    python = ".".join(map(str, version))
    try:
        compatible = SpecifierSet(required).contains(python, prereleases=True)
    except InvalidSpecifier:
        return
    if not compatible:
        wanted = " ".join(required.split())  # a header may be folded, a message is one line
        raise BadWheelError(wheel.metadata.wheel, f"it requires Python {wanted}, and this environment has {python}")
