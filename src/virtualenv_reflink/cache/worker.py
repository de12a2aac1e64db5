"""A process that brings wheels into the cache: it unpacks them and compiles them, one after the other.

It reads lines of JSON, each a task ("unpack" or "compile"), the path of a wheel and the SHA-256 that it is to have or
null, and answers each with a line, which is true if that is in the cache now. Before that come lines with what it logs,
each a list of level and text. When its input ends it is no longer wanted, and gives up what it is doing, so that
nothing is left of it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn, TypeAlias

from virtualenv_reflink.cache.compilers import Compilers
from virtualenv_reflink.cache.wheel_cache import WheelCache

_Tasks: TypeAlias = "SimpleQueue[tuple[str, str, str | None] | None]"


def main(caches: list[str], executable: str | None, compilers_at_most: int) -> None:
    """Work for the process that started this one, and compile for an interpreter if any.

    The first of ``caches`` is the one to fill, the others are base caches.
    """
    # where a session of its own does not keep Ctrl-C away; the process that started this one decides
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _give_up)
    logger = logging.getLogger(__package__)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(_Telling())
    tasks: _Tasks = SimpleQueue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    root, *bases = map(Path, caches)
    cache = WheelCache(root, bases)
    if executable is None:
        _work(tasks, cache, None)
    else:
        with Compilers(Path(executable), compilers_at_most) as compilers:
            _work(tasks, cache, compilers)


class _Telling(logging.Handler):
    """Hands what is logged to the process that started this one."""

    def emit(self, record: logging.LogRecord) -> None:
        print(json.dumps([record.levelno, record.getMessage()]), flush=True)


def _read(tasks: _Tasks) -> None:
    for line in iter(sys.stdin.readline, ""):
        tasks.put(json.loads(line))
    # Python can only report what a signal raises at some moments, and goes on
    tasks.put(None)
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        os._exit(1)


def _give_up(number: int, _: object) -> NoReturn:
    # clearing away is not to be cut short
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _work(tasks: _Tasks, cache: WheelCache, compilers: Compilers | None) -> None:
    for task, path, promised in iter(tasks.get, None):
        done = _is_done(Path(path), promised, cache, compilers if task == "compile" else None)
        print(json.dumps(done), flush=True)


def _is_done(wheel: Path, promised: str | None, cache: WheelCache, compilers: Compilers | None) -> bool:
    """Return whether a wheel is in the cache now, with its bytecode if there are compilers.

    Why it is not, who asks for it again is told.
    """
    try:
        unpacked = cache.unpacked(wheel, promised)
        if compilers is not None:
            cache.bytecode(unpacked, compilers.executable, cache.facts(compilers.executable), compilers)
    except Exception:
        return False
    return True
