"""What lstat(2) tells of many files at once, by both cores."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from virtualenv_reflink.filesystem.statuses import statuses_of

pytestmark = pytest.mark.usefixtures("core")
EVERYWHERE = pytest.mark.parametrize("place", ["btrfs", "xfs", "ext4", "tmpfs"], indirect=True)


@EVERYWHERE
def test_statuses_are_those_of_lstat(place: Path) -> None:
    rng = random.Random(3)
    paths = [f"{number % 7}/{number}{rng.choice(['', 'é', chr(0xDC80), chr(10)])}" for number in range(1500)]
    for number in range(7):
        (place / str(number)).mkdir()
    for number, path in enumerate(paths):
        file = place / path
        if number % 5 == 1:
            file.symlink_to("nowhere")
        elif number % 5 == 2:
            file.hardlink_to(place / paths[number - 2])
        else:
            file.write_bytes(bytes(rng.randrange(5000)))
            file.chmod(rng.choice([0o444, 0o755]))
            mtime_ns = rng.choice([-1_500_000_001, 0, 1 << 60])
            os.utime(file, ns=(mtime_ns, mtime_ns))
    paths += [str(number) for number in range(7)]
    rng.shuffle(paths)
    found, known = statuses_of(str(place), paths), [os.lstat(place / path) for path in paths]
    assert found.inodes == [status.st_ino for status in known]
    assert found.sizes == [status.st_size for status in known]
    assert found.mtimes_ns == [status.st_mtime_ns for status in known]
    assert found.modes == [status.st_mode for status in known]
    assert found.ctimes_ns == [status.st_ctime_ns for status in known]
    assert found.links == [status.st_nlink for status in known]
    assert found.of(3, 7).sizes == found.sizes[3:7]
    assert statuses_of(str(place), []).sizes == []


def test_the_first_one_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(FileNotFoundError) as caught:
        statuses_of(str(tmp_path), ["there"] * 3000 + ["missing", "another"])
    assert caught.value.filename == "missing"
    with pytest.raises(FileNotFoundError):
        statuses_of(str(tmp_path / "nowhere"), ["there"])
