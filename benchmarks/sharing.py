"""What ``dedupe`` takes: ``python -m benchmarks.sharing [--json FILE]``, as root.

On a new btrfs and a new XFS: the time to dedupe ten environments of 139 packages, one made by pip and nine full copies
of it, beside reading what they hold twice once. The page cache is dropped before the reading and before the first run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.loop_mounts import loop_mount, used_bytes
from benchmarks.packages import Packages
from benchmarks.processes import run
from benchmarks.rounds import machine, require_mounts, write_report
from benchmarks.setting import REFLINKS, Setting

TEN = 10
_MEBIBYTES = 20_480
_LARGE = 4096


def main() -> None:
    """Run the benchmark and print its figures: seconds and bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    report: dict[str, object] = {"machine": machine("virtualenv-reflink", "pip")}
    with TemporaryDirectory() as directory:
        packages = Packages(Path(directory))
        packages.fetch(["139"])
        for filesystem in REFLINKS:
            require_mounts(filesystem)
            with loop_mount(filesystem, _MEBIBYTES) as place:
                figures = _measure(Setting(filesystem, place, packages))
            report[filesystem] = figures
            print(filesystem, figures)
    write_report(options.json, report)


def _measure(setting: Setting) -> dict[str, float]:
    environments = _environments(setting)
    sizes = [path.lstat().st_size for path in environments[0].rglob("*") if path.is_file() and not path.is_symlink()]
    started = time.monotonic()
    _read(environments[1:])
    reading = time.monotonic() - started
    used = used_bytes(setting.place)
    _drop_caches()
    # a cache that has nothing, so that the first of the environments keeps its data
    dedupe = ["dedupe", "--quiet", "--wheel-cache", setting.place / "empty", *environments]
    first = _seconds(setting, *dedupe)
    return {
        "reading": reading,
        "first": first,
        "freed_bytes": used - used_bytes(setting.place),
        "duplicate_bytes": (TEN - 1) * sum(size for size in sizes if size > _LARGE),
        "second": _seconds(setting, *dedupe),
        "again": _seconds(setting, *dedupe, "--again"),
    }


def _environments(setting: Setting) -> list[Path]:
    environments = [setting.place / f"env-{number}" for number in range(TEN)]
    first, *others = environments
    setting.make(setting.pips("139"))
    setting.environment.rename(first)
    for other in others:
        setting.make([["cp", "-a", "--reflink=never", first, other]])
    return environments


def _seconds(setting: Setting, *words: str | Path) -> float:
    return run([sys.executable, "-m", "virtualenv_reflink", *words], setting.environ).wall


def _read(environments: Sequence[Path]) -> None:
    _drop_caches()
    for environment in environments:
        for directory, _, names in os.walk(environment):
            for name in names:
                path = os.path.join(directory, name)
                if not os.path.islink(path):
                    with open(path, "rb", buffering=0) as stream:
                        while stream.read(1 << 20):
                            pass


def _drop_caches() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n", encoding="ascii")


if __name__ == "__main__":
    main()
