"""The one place where virtualenv has no public hook: its parser reads the command line before seeders add to it.

In those early passes argparse takes ``--with`` for an abbreviation of virtualenv's ``--with-traceback`` and
``--without-pip``, and gives up. Until this package's options are there, or virtualenv has made up its mind to do
without them, ``--with`` and its value are kept from the parser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from virtualenv.config.cli.parser import VirtualEnvConfigParser

OPTION = "--with"
DESTINATION = "with_wheels"

_parse_known_args = VirtualEnvConfigParser.parse_known_args


def let_option_through() -> None:
    """Make virtualenv leave ``--with`` alone until the seeder is chosen; saying so twice changes nothing."""
    VirtualEnvConfigParser.parse_known_args = _parse_staged  # type: ignore[method-assign]


def _parse_staged(self: Any, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
    if args is None or OPTION not in args:
        return _parse_known_args(self, args, namespace)
    early = not (_has(self, DESTINATION) or _has(self, "help"))
    options, rest = _parse_known_args(self, _without_option(args) if early else args, namespace)
    # the passes before this package was loaded may have taken --with for it
    options.with_traceback = "--with-traceback" in args or self.get_default("with_traceback")
    return options, rest


def _has(parser: Any, destination: str) -> bool:
    return parser.get_default(destination) is not None


def _without_option(args: Sequence[str]) -> list[str]:
    kept = list(args)
    while OPTION in kept:
        position = kept.index(OPTION)
        del kept[position : position + 2]
    return kept
