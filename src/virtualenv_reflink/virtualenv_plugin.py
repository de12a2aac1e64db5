"""What virtualenv loads, whichever seeder is chosen: ours, or one that says why it is none beside this virtualenv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from virtualenv import __version__

if TYPE_CHECKING:
    from typing import Any, NoReturn

_OLDEST = (20, 31)


def _seeder() -> type:
    if tuple(map(int, __version__.split(".")[:2])) < _OLDEST:
        return _refusing(
            f"virtualenv-reflink needs virtualenv 20.31 or newer, and this is virtualenv {__version__}; "
            "upgrade virtualenv, or choose another seeder"
        )
    try:
        from virtualenv_reflink.seeder import ReflinkSeeder
    except ImportError as error:
        return _refusing(
            f"this virtualenv-reflink is too old for virtualenv {__version__} ({error}); "
            "upgrade virtualenv-reflink, or choose another seeder"
        )
    return ReflinkSeeder


def _refusing(why: str) -> type:
    """Return a seeder that cannot be chosen; other ones go on as ever."""

    class Refusing:
        @classmethod
        def add_parser_arguments(cls, *_: Any, **__: Any) -> NoReturn:
            from virtualenv_reflink.errors import SeederError

            raise SeederError(why)

    return Refusing


Seeder = _seeder()
