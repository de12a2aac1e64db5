"""What figures were taken on: machine, kernel, filesystems' tools, and versions of all candidates."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

from benchmarks.processes import output


def machine() -> dict[str, str | int]:
    """Return what the machine is."""
    return {
        "cpu": _cpu(),
        "cpus": os.cpu_count() or 0,
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "c_library": " ".join(platform.libc_ver()),
    }


def versions() -> dict[str, str]:
    """Return the versions of everything that takes part; what is missing is left out."""
    told = {"python": platform.python_version()}
    told |= {name: version(name) for name in ("virtualenv-reflink", "virtualenv", "pip")}
    commands = {
        "uv": ["uv", "--version"],
        "cp": ["cp", "--version"],
        "cc": ["cc", "--version"],
        "mkfs.btrfs": ["mkfs.btrfs", "--version"],
        "mkfs.xfs": ["mkfs.xfs", "-V"],
        "mkfs.ext4": ["sh", "-c", "mkfs.ext4 -V 2>&1"],
    }
    return told | {name: _first_line(command) for name, command in commands.items() if shutil.which(name)}


def _first_line(command: list[str]) -> str:
    return output(command).partition("\n")[0]


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
