"""Which environments use a layer."""

from __future__ import annotations

import os
from pathlib import Path

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.layer_state import LAYER_STATE
from virtualenv_reflink.layers.users import living_users, register_user

LAYER = "layer-0"


def environment(directory: Path, layer: str = LAYER) -> Path:
    library = directory / "lib" / "python3.13" / "site-packages"
    library.mkdir(parents=True)
    (library / LAYER_STATE).write_text(f'{{"layer": "/cache/v5/layers/{layer}/tree", "files": {{}}}}')
    return directory


def test_one_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    cache = WheelCache(tmp_path / "cache")
    names = [f"env-{number}" for number in range(8)]
    for name in names:
        register_user(cache, LAYER, environment(tmp_path / name))
    (state,) = (tmp_path / names[3]).rglob(LAYER_STATE)
    state.unlink()
    state.mkdir()
    (state,) = (tmp_path / names[4]).rglob(LAYER_STATE)
    state.write_bytes(b"\xff")
    for note in list(tmp_path.glob("cache/*/users/*"))[:1]:
        gone = Path(note.read_text())
        os.truncate(note, 0)
    expected = {tmp_path / name for name in names} - {tmp_path / names[3], tmp_path / names[4], gone}
    assert living_users(cache) == {LAYER: sorted(expected)}


def test_one_that_uses_another_layer_now_is_none(tmp_path: Path) -> None:
    cache = WheelCache(tmp_path / "cache")
    register_user(cache, LAYER, environment(tmp_path / "env", layer="layer-1"))
    assert living_users(cache) == {"layer-1": [tmp_path / "env"]}
