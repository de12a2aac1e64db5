"""Which link mode is chosen, what single files do that refuse it, and what is told of both."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.filesystem import copying
from virtualenv_reflink.filesystem.reflink import CannotCloneError, Duplicate
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.hardlink import Hardlink
from virtualenv_reflink.placing.mode import FileMode
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.placing.placer import Placer


class Impossible(Copy):
    """A mode that is impossible everywhere."""

    name = "impossible"

    def why_not(self, source_file: str, target_directory: str) -> str | None:  # noqa: ARG002
        return "nobody can"

    def place(self, file: Duplicate, let_through: Callable[[], None]) -> None:  # noqa: ARG002
        raise AssertionError(file)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_text("content")
    return path


def test_the_next_mode_is_taken_and_the_reason_told(tmp_path: Path, source: Path) -> None:
    placer = Placer([Impossible, Copy])
    mode = placer.files.between(str(source), str(tmp_path))
    placer.place(mode, [(str(source), str(tmp_path / "target"), 0o666, None, 7)])
    assert (tmp_path / "target").read_text() == "content"
    assert placer.outcome == Outcome("copy", 0, ("nobody can",))
    assert str(placer.outcome) == "copy: nobody can"


def test_a_single_mode_is_a_demand(tmp_path: Path, source: Path) -> None:
    with pytest.raises(LinkModeError, match="--link-mode impossible is impossible here: nobody can; use"):
        Placer([Impossible]).files.between(str(source), str(tmp_path))


@pytest.mark.parametrize(
    ("place", "mode", "call"),
    [
        ("btrfs", Clone, "open"),
        ("btrfs", Clone, "utime"),
        ("btrfs", Clone, "close"),
        ("tmpfs", Copy, "open"),
        ("tmpfs", Copy, "utime"),
        ("tmpfs", Copy, "close"),
        ("tmpfs", Hardlink, "link"),
    ],
    indirect=["place"],
)
@pytest.mark.usefixtures("_signals_answered")
def test_an_interrupt_leaves_no_part_of_a_file(
    place: Path, mode: type[FileMode], call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = place / "source", place / "target"
    source.write_bytes(os.urandom(20_000_000))
    target.mkdir()
    called = getattr(os, call)

    def interrupted(*args: object, **options: object) -> object:
        result = called(*args, **options)
        if len(os.listdir(target)) == 2:
            signal.raise_signal(signal.SIGINT)
        return result

    files = [(str(source), str(target / f"{number}"), 0o666, source.stat().st_mtime_ns, None) for number in range(4)]
    monkeypatch.setattr(os, call, interrupted)
    with pytest.raises(KeyboardInterrupt):
        Placer([mode]).place(mode(0o022), files)
    monkeypatch.undo()
    assert len(os.listdir(target)) in {1, 2}
    assert {(path.stat().st_size, path.stat().st_mtime_ns) for path in target.iterdir()} == {
        (20_000_000, source.stat().st_mtime_ns)
    }


def test_thousands_of_files_that_refuse_are_copied_one_by_one(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise CannotCloneError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(copying, "clone_file", refuse)
    placer = Placer([Clone])
    placer.place(Clone(0o022), [(str(source), str(tmp_path / f"{n}"), 0o666, None, 7) for n in range(3000)])
    assert placer.refusals.number == 3000
    assert placer.outcome.reasons == ("they refused with 'Invalid argument'",)
    assert (tmp_path / "2999").read_text() == "content"
