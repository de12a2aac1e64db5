"""Taking back and completing: twice does no harm, and they may be stopped anywhere."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from virtualenv_reflink.environment.installed import InstalledSince
from virtualenv_reflink.filesystem.native import CORE
from virtualenv_reflink.transaction.steps import Aside, Steps, complete, make_place, undo

NOTHING = InstalledSince(frozenset(), frozenset())


def begun(root: Path) -> Steps:
    """Return the steps of a replacement, all of them done but for the end."""
    for name in ("lib/old.dist-info", "lib/old", "bin", "lib/kept"):
        (root / name).mkdir(parents=True)
    for name in ("lib/old.dist-info/RECORD", "lib/old/a.py", "lib/old/b.py", "bin/old", "lib/kept/file"):
        (root / name).write_text(name)
    steps = Steps(
        aside=[
            Aside(str(root / path), str(root / ".aside" / str(number)), "old")
            for number, path in enumerate(("lib/old.dist-info", "lib/old/a.py", "lib/old/b.py", "bin/old"))
        ],
        directories=[str(root / "lib/new")],
        files=[(str(root / "lib/new"), ["c.py", "d.py"]), (str(root / "bin"), ["new"])],
        trees=[str(root / "lib/.new")],
        publish=[(str(root / "lib/.new/new.dist-info"), str(root / "lib/new.dist-info"))],
        replace=[(str(root / "whole.new"), str(root / "whole"), str(root / ".aside/whole"))],
    )
    make_place(str(root / ".aside"))
    for moved in steps.aside:
        os.rename(moved.path, moved.place)
    os.rmdir(root / "lib/old")
    for name in ("lib/new/sub/__pycache__", "lib/.new/new.dist-info", "whole", "whole.new"):
        (root / name).mkdir(parents=True)
    steps.trees.append(str(root / "whole.new"))
    for name in ("lib/new/c.py", "lib/new/d.py", "bin/new", "lib/.new/new.dist-info/RECORD", "whole/x", "whole.new/y"):
        (root / name).write_text(name)
    (root / "lib/new/sub/__pycache__/e.pyc").write_text("")
    return steps


@pytest.mark.parametrize("end", [lambda steps: undo(steps, NOTHING), complete])
def test_stopped_anywhere_and_done_again_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: Callable[[Steps], None]
) -> None:
    end(begun(tmp_path / "at-once"))
    wanted = _tree(tmp_path / "at-once")
    assert not [path for path in wanted if ".aside" in path or ".new" in path]
    end(begun_again := begun(tmp_path / "twice"))
    end(begun_again)
    assert _tree(tmp_path / "twice") == wanted
    stops = 0
    while True:
        root = tmp_path / str(stops)
        steps = begun(root)
        with monkeypatch.context() as patch:
            _stop_after(stops, patch)
            with contextlib.suppress(OSError):
                end(steps)
                break
        end(steps)
        assert _tree(root) == wanted, stops
        stops += 1
    assert stops > 8


def test_undo_gives_back_what_there_was(tmp_path: Path) -> None:
    steps = begun(tmp_path)
    (tmp_path / "lib/new/of-the-user").write_text("mine")
    undo(steps, NOTHING)
    files = {path for path, content in _tree(tmp_path).items() if content is not None}
    old = {"lib/old.dist-info/RECORD", "lib/old/a.py", "lib/old/b.py", "bin/old"}
    assert files == {*old, "lib/kept/file", "whole/x", "lib/new/of-the-user"}


def test_what_another_tool_installed_since_stays(tmp_path: Path) -> None:
    steps = begun(tmp_path)
    listed = frozenset({os.path.realpath(tmp_path / "lib/new/c.py")})
    undo(steps, InstalledSince(frozenset({"old"}), listed))
    files = {path for path, content in _tree(tmp_path).items() if content is not None}
    assert files == {"lib/new/c.py", "lib/kept/file", "whole/x"}


def test_a_directory_in_the_place_of_a_file_stays(tmp_path: Path) -> None:
    steps = begun(tmp_path)
    (tmp_path / "bin/new").unlink()
    (tmp_path / "bin/new").mkdir()
    undo(steps, NOTHING)
    assert (tmp_path / "bin/new").is_dir()


def _tree(root: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(root)): path.read_text() if path.is_file() else None for path in sorted(root.rglob("*"))
    }


def _stop_after(number: int, patch: pytest.MonkeyPatch) -> None:
    """Let the functions that change directories work ``number`` times, and no longer."""
    left = [number]

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*words: object, **options: object) -> object:
            if not left[0]:
                raise OSError(errno.EIO, "stop")
            left[0] -= 1
            return function(*words, **options)

        return call

    # the steps of the native core cannot be counted
    patch.setenv(CORE, "python")
    for name in ("unlink", "rename", "rmdir"):
        patch.setattr(os, name, counted(getattr(os, name)))
    patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
