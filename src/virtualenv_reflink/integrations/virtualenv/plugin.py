"""What virtualenv loads, whichever seeder is chosen: ours, or one that says why it is none beside this virtualenv."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from virtualenv import __version__

if TYPE_CHECKING:
    from typing import Any, NoReturn

_OLDEST = (20, 31)


def why_not() -> str | None:
    """Return why our seeder cannot work with this virtualenv, or None."""
    if tuple(map(int, __version__.split(".")[:2])) < _OLDEST:
        return (
            f"virtualenv-reflink needs virtualenv 20.31 or newer, and this is virtualenv {__version__}; "
            "upgrade virtualenv, or choose another seeder"
        )
    try:
        import virtualenv_reflink.integrations.virtualenv.seeder  # noqa: F401
    except ImportError as error:
        return (
            f"this virtualenv-reflink is too old for virtualenv {__version__} ({error}); "
            "upgrade virtualenv-reflink, or choose another seeder"
        )
    return None


class _Refusing:
    """A seeder that cannot be chosen."""

    @classmethod
    def add_parser_arguments(cls, *_: Any, **__: Any) -> NoReturn:
        """Say why, and exit as a parser does; tox would take another exception for a Python that is missing."""
        logging.error(why_not())
        raise SystemExit(1)


def _seeder() -> type:
    if why_not():
        return _Refusing
    from virtualenv_reflink.integrations.virtualenv.seeder import ReflinkSeeder

    return ReflinkSeeder


Seeder = _seeder()
