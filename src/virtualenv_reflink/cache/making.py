"""What makes entries of the cache: a wheel is unpacked, or compiled."""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext
from pathlib import Path

from virtualenv_reflink.cache.bytecode import compile_wheel
from virtualenv_reflink.cache.compilers import Compilers
from virtualenv_reflink.cache.entries import read_built
from virtualenv_reflink.cache.interpreter import InterpreterFacts
from virtualenv_reflink.cache.manifest import Tree, UnpackedWheel, read_tree, read_unpacked_wheel
from virtualenv_reflink.cache.modes import withhold_writing
from virtualenv_reflink.cache.store import Store
from virtualenv_reflink.cache.unpack import unpack

_log = logging.getLogger(__name__)


def unpacked_now(store: Store, wheel: Path, key: str, entry: Path) -> UnpackedWheel:
    """Unpack a wheel whose archive has the SHA-256 ``key``, as ``entry``.

    :raises OtherWheelError: when it has another SHA-256.
    :raises BadWheelError: when it is not a sound wheel.
    :raises CacheError: when the cache cannot be written.
    """

    def fill(staged: Path) -> None:
        _log.debug(f"unpack {wheel.name} into the wheel cache")
        unpack(wheel, key, staged)

    return read_built(store, entry, fill, read_unpacked_wheel)


def compiled_now(
    store: Store,
    wheel: UnpackedWheel,
    executable: Path,
    facts: InterpreterFacts,
    compilers: Compilers | None,
    entry: Path,
) -> Tree:
    """Compile a wheel for an interpreter, as ``entry``, by the processes ``compilers`` where there are some.

    :raises CacheError: when the cache cannot be written.
    :raises ReflinkError: when the interpreter fails.
    """

    def fill(staged: Path) -> None:
        _log.debug(f"compile {wheel.metadata.wheel} for {facts.bytecode_tag}")
        with nullcontext(compilers) if compilers else Compilers(executable, os.cpu_count() or 1) as chosen:
            compile_wheel(wheel, chosen, facts.cache_tag, staged)
        withhold_writing(staged)

    return read_built(store, entry, fill, read_tree)
