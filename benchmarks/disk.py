"""Disk that an environment takes on a new btrfs and a new XFS: ``python -m benchmarks.disk``.

Ten environments are made after the first; the table gives the mean. "raw" counts metadata as often as the filesystem
keeps it, which is twice on a btrfs of one device.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.loop_mounts import loop_mount, used_bytes, why_no_mounts

NUMBER = 10
EXTRA = ("numpy", "black")


def main() -> None:
    """Run the benchmark and print its table."""
    with tempfile.TemporaryDirectory() as wheels:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*pip, "--dest", wheels, *EXTRA], check=True)
        options = ["--extra-search-dir", wheels, *(option for name in EXTRA for option in ("--with", name))]
        print(f"{'':30}   paths  apparent      used            raw")
        for filesystem in ("btrfs", "xfs"):
            missing = why_no_mounts(filesystem)
            if missing:
                sys.exit(f"{filesystem} cannot be measured: {missing}")
            _measure(filesystem, "pip", [])
            _measure(filesystem, f"pip, {', '.join(EXTRA)}", options)


def _measure(filesystem: str, name: str, options: list[str]) -> None:
    with loop_mount(filesystem, 2048) as place:
        _make(place, place / "first", options)
        sizes = [path.lstat().st_size for path in (place / "first").rglob("*")]
        before, free = used_bytes(place), _free_bytes(place)
        for number in range(NUMBER):
            _make(place, place / str(number), options)
        used, raw = (used_bytes(place) - before) / NUMBER, (free - _free_bytes(place)) / NUMBER
        told = f"{len(sizes):7} {sum(sizes) / 1e6:6.1f} MB"
        for taken in (used, raw):
            told += f" {taken / 1e6:5.2f} MB {taken / sum(sizes):5.1%}"
        print(f"{filesystem:6}{name:24} {told}")


def _make(place: Path, environment: Path, options: list[str]) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUALENV_", "PYTHON"))}
    command = [sys.executable, "-m", "virtualenv", "--quiet", "--seeder", "reflink", "--link-mode", "clone"]
    subprocess.run([*command, "--wheel-cache", place / "cache", *options, environment], check=True, env=environ)


def _free_bytes(place: Path) -> int:
    status = os.statvfs(place)
    return status.f_bfree * status.f_frsize


if __name__ == "__main__":
    main()
