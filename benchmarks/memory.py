"""Memory of five interpreters in five environments that import the same large libraries."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import CommandError
from benchmarks.setting import Maker, Setting, delete

FIVE = 5
LIBRARIES = "numpy, scipy, pandas, pyarrow"
_WAITS = f"import {LIBRARIES}, sys; print(flush=True); sys.stdin.read()"


def measure_memory(setting: Setting) -> dict[str, dict[str, float]]:
    """Return file-backed PSS of all five and what the page cache grew by, in bytes, by candidate; needs root."""
    makers: dict[str, Maker] = {}
    if setting.uv:
        makers["uv, hardlink"] = setting.uv_maker("139", "hardlink")
    for mode in ("clone", *setting.constant_time_modes):
        makers[f"ours, {mode}"] = setting.our_maker("139", mode)
    makers["ours, clone, shared memory"] = setting.our_maker("139", "clone", "--share-memory")
    return {name: _measure(setting, make) for name, make in makers.items()}


def _measure(setting: Setting, make: Maker) -> dict[str, float]:
    environments = [setting.place / "five" / str(number) for number in range(FIVE)]
    try:
        for environment in environments:
            # run once, so that all have bytecode
            setting.make([*make(environment), [setting.python(environment), "-c", f"import {LIBRARIES}"]])
        _drop_caches()
        before = _cached()
        with _interpreters([setting.python(environment) for environment in environments], setting.environ) as pids:
            return {"pss_file": sum(map(_pss_file, pids)), "page_cache": _cached() - before}
    finally:
        delete(setting.place / "five")


@contextmanager
def _interpreters(pythons: list[str], environ: dict[str, str]) -> Iterator[list[int]]:
    """Run interpreters one after the other and keep them, having imported, until the end."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for python in pythons:
            running.append(
                subprocess.Popen([python, "-c", _WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
            )
            said = running[-1].stdout
            if said is None or not said.readline():
                raise CommandError(f"{python} cannot import {LIBRARIES}")
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.kill()
            process.communicate()


def _drop_caches() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n", encoding="ascii")


def _cached() -> int:
    return _kibibytes(Path("/proc/meminfo"), "Cached:") * 1024


def _pss_file(pid: int) -> int:
    return _kibibytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss_File:") * 1024


def _kibibytes(path: Path, field: str) -> int:
    (line,) = (line for line in path.read_text(encoding="ascii").splitlines() if line.startswith(field))
    return int(line.split()[1])
