"""Disk that environments of 139 packages take: the filesystem's own accounting, before and after it has written out."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.loop_mounts import used_bytes, used_bytes_now
from benchmarks.setting import Maker, Setting

TEN = 10
Figures = dict[str, float | None]


def measure_space(setting: Setting) -> dict[str, Figures]:
    """Return what one and ten environments take, in bytes, by candidate; "apparent" is what a full copy of one would.

    Nothing is deleted meanwhile, because a filesystem gives space back when it sees fit.
    """
    return {name: _measure(setting, name, make) for name, make in _makers(setting).items()}


def _makers(setting: Setting) -> dict[str, Maker]:
    makers: dict[str, Maker] = {}
    if setting.uv:
        for mode in (*(["clone"] if setting.clones else []), "hardlink"):
            makers[f"uv, {mode}, no bytecode"] = setting.uv_maker("139", mode)
    for mode in setting.link_modes:
        makers[f"ours, {mode}"] = setting.our_maker("139", mode)
    return makers


def _measure(setting: Setting, name: str, make: Maker) -> Figures:
    directory = setting.place / name.replace(", ", "-").replace(" ", "-")
    directory.mkdir()
    setting.make(make(directory / "warm"))
    figures: Figures = dict(_apparent(directory / "warm"))
    before, before_now, inodes = used_bytes(setting.place), used_bytes_now(setting.place), _inodes(setting.place)
    for number in range(TEN):
        setting.make(make(directory / str(number)))
        if number + 1 in (1, TEN):
            which = "one" if number == 0 else "ten"
            figures[f"{which}_before_sync"] = used_bytes_now(setting.place) - before_now
            figures[f"{which}_after_sync"] = used_bytes(setting.place) - before
            figures[f"{which}_inodes"] = _inodes(setting.place) - inodes if inodes else None
    return figures


def _apparent(environment: Path) -> dict[str, float]:
    sizes = [path.lstat().st_size for path in environment.rglob("*")]
    return {"paths": len(sizes), "apparent": sum(sizes)}


def _inodes(place: Path) -> int:
    """Return how many inodes are in use; 0 on a btrfs, which does not tell."""
    status = os.statvfs(place)
    return status.f_files - status.f_ffree
