"""Which Pythons environments can be made for."""

from __future__ import annotations

from pathlib import Path

from virtualenv_reflink.cache.question import Question
from virtualenv_reflink.errors import TargetError

# What every virtualenv supports that this project can be used with; older ones are looked up, which takes long.
_SURELY = (3, 10)


def check_supported(executable: Path, version: tuple[int, ...]) -> None:
    """Compare ``version`` of an interpreter with what the installed virtualenv supports.

    :raises TargetError: when it is older.
    """
    if version[:2] >= _SURELY:
        return
    import virtualenv
    from virtualenv.seed.wheels.embed import BUNDLE_SUPPORT

    supported = [tuple(map(int, minor.split("."))) for minor in BUNDLE_SUPPORT]
    if version[:2] < min(supported):
        python, oldest = (".".join(map(str, number)) for number in (version[:2], min(supported)))
        raise TargetError(
            f"{executable} cannot be used: Python {python} is too old, {oldest} is the oldest that "
            f"virtualenv {virtualenv.__version__} supports"
        )


def check_not_too_old_to_ask(executable: Path) -> None:
    """See whether an interpreter that did not answer a question is one that is too old to understand it.

    :raises TargetError: when it is, or does not even tell its version.
    """
    # Python 2 has no isolated mode
    code = "import sys; answer = list(sys.version_info[:3])"
    check_supported(executable, tuple(Question(executable, code, ("-E", "-s")).answer()))
