"""Which link mode is chosen, what single files do that refuse it, and what is told of both."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.filesystem import copying
from virtualenv_reflink.filesystem.reflink import CannotCloneError, Duplicate
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.outcome import Outcome
from virtualenv_reflink.placing.placer import Placer


class Impossible(Copy):
    """A mode that is impossible everywhere."""

    name = "impossible"

    def why_not(self, source_file: str, target_directory: str) -> str | None:  # noqa: ARG002
        return "nobody can"

    def place(self, files: Sequence[Duplicate]) -> Iterator[OSError]:
        raise AssertionError(files)


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


def test_thousands_of_files_that_refuse_are_copied_one_by_one(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(files: Iterator[Duplicate]) -> None:
        for file in files:
            raise CannotCloneError(errno.EINVAL, os.strerror(errno.EINVAL), file)

    monkeypatch.setattr(copying, "clone_files", refuse)
    placer = Placer([Clone])
    placer.place(Clone(0o022), [(str(source), str(tmp_path / f"{n}"), 0o666, None, 7) for n in range(3000)])
    assert placer.refusals.number == 3000
    assert placer.outcome.reasons == ("they refused with 'Invalid argument'",)
    assert (tmp_path / "2999").read_text() == "content"
