"""A process that brings wheels into the cache: it unpacks one after the other, and compiles it at once.

It reads the paths of wheels, each a line of JSON, and answers each with a line, which is true if the wheel is in the
cache now. When its input ends it is no longer wanted, and gives up what it is doing, so that nothing is left of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

from virtualenv_reflink.cache.compilers import Compilers
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.filesystem.interrupts import endings_raised


def main(root: str, executable: str | None, compilers_at_most: int) -> None:
    """Work for the process that started this one, with the cache at ``root``, and compile for an interpreter if any."""
    # Ctrl-C reaches all processes of a terminal; the one that started this one decides
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wheels: SimpleQueue[str] = SimpleQueue()
    with endings_raised():
        threading.Thread(target=_read, args=(wheels,), daemon=True).start()
        if executable is None:
            _work(wheels, WheelCache(Path(root)), None)
        else:
            with Compilers(Path(executable), compilers_at_most) as compilers:
                _work(wheels, WheelCache(Path(root)), compilers)


def _read(wheels: SimpleQueue[str]) -> None:
    for line in iter(sys.stdin.readline, ""):
        wheels.put(json.loads(line))
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        os._exit(1)


def _work(wheels: SimpleQueue[str], cache: WheelCache, compilers: Compilers | None) -> None:
    while True:
        done = _is_done(Path(wheels.get()), cache, compilers)
        print(json.dumps(done), flush=True)


def _is_done(wheel: Path, cache: WheelCache, compilers: Compilers | None) -> bool:
    """Return whether a wheel is in the cache now; why it is not, who asks for it again is told."""
    try:
        unpacked = cache.unpacked(wheel)
        if compilers is not None:
            cache.bytecode(unpacked, compilers.executable, cache.facts(compilers.executable), compilers)
    except Exception:
        return False
    return True
