"""A layer of what a lock has is built once, whatever the order of its packages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Run, python_of
from tests.support.index import Index, write_lock
from tests.support.wheels import make_wheel


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("mode", ["layer", "snapshot"])
def test_the_layer_of_a_lock_is_found_again(place: Path, index: Index, mode: str, reflink: Run) -> None:
    metadata = "Requires-Dist: z_last\n"
    first = make_wheel(index.directory, {"both.py": b"print('a')"}, name="a_first", metadata=metadata)
    last = make_wheel(index.directory, {"both.py": b"print('z')"}, name="z_last")
    locks = []
    for wheel in (first, last):
        locks.append(place / f"pylock.{wheel.name[0]}.toml")
        write_lock(locks[-1], index.file_url(wheel.name), index.directory)
    whole = place / "pylock.toml"
    _, second = (lock.read_text().partition("[[packages]]")[2] for lock in locks)
    whole.write_text(locks[0].read_text() + "[[packages]]" + second)
    for name in ("one", "two"):
        options = ["--wheel-cache", place / "cache", "--link-mode", mode, "--without-pip", "--with-requirements", whole]
        reflink("venv", *options, place / name)
        # what depends on the other one is installed after it, and its file stays, as with pip
        assert subprocess.check_output([python_of(place / name), "-m", "both"], text=True) == "a\n"
        assert len(list(place.glob(f"cache/*/layers/{mode}-*"))) == 1
