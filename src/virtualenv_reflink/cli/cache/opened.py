"""What all commands for the cache begin with: its options, and the cache that they name."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.cli.parser import command_parser
from virtualenv_reflink.cli.terminal import tell
from virtualenv_reflink.layers.care import Care
from virtualenv_reflink.options import WHEEL_CACHE, wheel_cache


def parser_for(command: str, description: str | None, *, json: bool = True) -> ArgumentParser:
    """Return a parser with the options that the commands for the cache share."""
    parser = command_parser(f"cache {command}", description)
    WHEEL_CACHE.add_to(parser, os.environ)
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    return parser


def opened(options: Namespace) -> WheelCache:
    """Return the cache that ``options`` name; of layouts that other versions have made in it, the user is told.

    :raises CacheError: when it cannot be trusted or read.
    """
    cache = WheelCache(wheel_cache(options))
    for name in _other_layouts(cache.root, cache.store.path().name):
        tell(f"{cache.root / name} is of another version of virtualenv-reflink, and is left alone")
    return cache


def care_of(cache: WheelCache) -> Care:
    """Return what takes care of a cache, and tells when it has to wait."""
    return Care(cache, lambda: tell(f"waiting for others that use the wheel cache {cache.root}"))


def _other_layouts(root: Path, own: str) -> list[str]:
    names = os.listdir(root) if root.is_dir() else []
    return sorted(name for name in names if name[:1] == "v" and name[1:].isdigit() and name != own)
