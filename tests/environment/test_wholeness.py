"""A distribution is looked at until it was found whole for good."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment import wholeness
from virtualenv_reflink.environment.wholeness import Wholeness


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """The RECORD of a distribution with one file of 100 bytes, written an hour ago."""
    info = tmp_path / "env" / "sample-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "sample.py").write_bytes(b"#" * 100)
    (info / "RECORD").write_text("sample.py,sha256=x,100\nsample-1.0.dist-info/RECORD,,\n")
    set_age(info / "RECORD", 3600)
    return info / "RECORD"


def set_age(path: Path, seconds: int) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def looked_at(cache: Path, record: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the distribution is looked at; it must be found whole."""
    looks = []
    with monkeypatch.context() as patch:
        patch.setattr(wholeness, "is_cut_short", lambda distribution: looks.append(distribution))
        assert Wholeness(WheelCache(cache), record.parents[1]).cut_short([record.parents[1]]) == frozenset()
    return bool(looks)


def test_once_when_it_is_old_enough(tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_at(tmp_path / "cache", record, monkeypatch)
    assert not looked_at(tmp_path / "cache", record, monkeypatch)
    set_age(record, 1800)
    assert looked_at(tmp_path / "cache", record, monkeypatch)


def test_each_time_while_it_may_not_have_been_written_out(
    tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_age(record, 10)
    assert looked_at(tmp_path / "cache", record, monkeypatch)
    assert looked_at(tmp_path / "cache", record, monkeypatch)


def test_what_is_cut_short_is_found_each_time(tmp_path: Path, record: Path) -> None:
    os.truncate(record.parents[1] / "sample.py", 0)
    for _ in range(2):
        found = Wholeness(WheelCache(tmp_path / "cache"), record.parents[1]).cut_short([record.parents[1]])
        assert found == {"sample"}
