"""One hundred environments of 139 packages on one small btrfs: all made, all working, next to no disk."""

from __future__ import annotations

from benchmarks.loop_mounts import used_bytes
from benchmarks.processes import output
from benchmarks.setting import Setting

HUNDRED = 100
HUNDRED_MEBIBYTES = 8192
_WORKS = "import requests, click; print('works')"


def measure_hundred(setting: Setting) -> dict[str, dict[str, float]]:
    """Return, by link mode, how many environments work, and the bytes that each takes; they are left where they are."""
    return {f"ours, {mode}": _measure(setting, mode) for mode in setting.constant_time_modes}


def _measure(setting: Setting, mode: str) -> dict[str, float]:
    places = [setting.place / f"{mode}-{number}" for number in range(HUNDRED)]
    setting.make(setting.ours("139", mode, environment=setting.place / f"{mode}-warm"))
    before = used_bytes(setting.place)
    for place in places:
        setting.make(setting.ours("139", mode, environment=place))
    each = (used_bytes(setting.place) - before) / HUNDRED
    works = sum(output([setting.python(place), "-c", _WORKS], setting.environ) == "works" for place in places)
    return {"works": works, "bytes_each": each}
