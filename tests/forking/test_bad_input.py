"""What cannot be forked, and where to: one sentence each, and nothing is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import virtualenv_reflink
from benchmarks.loop_mounts import loop_mount
from tests.conftest import ONCE, Run, bare, require_mounts
from tests.forking.checks import facts, prefix
from virtualenv_reflink.errors import TargetError
from virtualenv_reflink.filesystem.native import CORE
from virtualenv_reflink.filesystem.permissions import current_umask
from virtualenv_reflink.forking.tree import FilesAsTheyAre
from virtualenv_reflink.placing.clone import Clone
from virtualenv_reflink.placing.copy import Copy
from virtualenv_reflink.placing.mode import FileMode
from virtualenv_reflink.placing.placer import Placer
from virtualenv_reflink.placing.worklist import Worklist
from virtualenv_reflink.progress import Progress


def test_sources_that_are_none(tmp_path: Path, environment: Path, reflink: Run) -> None:
    (tmp_path / "conda" / "conda-meta").mkdir(parents=True)
    (tmp_path / "folder").mkdir()
    broken = shutil.copytree(environment, tmp_path / "broken", symlinks=True)
    (broken / "bin" / "python").unlink()
    (broken / "bin" / "python").symlink_to("/gone/python")
    no_environment = "no virtual environment: it has no pyvenv.cfg; name one that has"
    for source, reason in {
        tmp_path / "conda": "is an environment of conda; conda create --clone makes a copy of it",
        tmp_path / "folder": f"is {no_environment}",
        Path(sys.base_prefix): f"is a Python installation, {no_environment}",
    }.items():
        assert reflink("fork", source, tmp_path / "fork", code=1).stderr == f"error: {source} {reason}\n"
    error = reflink("fork", tmp_path / "nothing", tmp_path / "fork", code=1).stderr
    assert error == f"error: there is no environment at {tmp_path / 'nothing'}\n"
    error = reflink("fork", broken, tmp_path / "fork", code=1).stderr
    assert error == f"error: the interpreter of {broken} is missing: {broken}/bin/python points at /gone/python\n"
    (broken / "bin" / "python").unlink()
    (broken / "bin" / "python").mkdir()
    error = reflink("fork", broken, tmp_path / "fork", code=1).stderr
    assert error == f"error: {broken} is not an environment: it has no bin/python\n"
    assert not (tmp_path / "fork").exists()


def test_places_that_cannot_be(tmp_path: Path, environment: Path, reflink: Run) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken").mkdir()
    undecodable = Path(os.fsdecode(bytes(tmp_path / "fork") + b"\xff"))
    for place, reason in {
        tmp_path / "taken": "is there already; delete it, or choose another place",
        tmp_path / "file" / "fork": "Not a directory",
        undecodable: "the path has bytes that are not UTF-8, in which pyvenv.cfg is written; choose another place",
        environment / "inside": f"is inside of {environment}, so it cannot be a fork of it; choose another place",
        environment: "is inside of",
        tmp_path / "a\nb": "the path has a line break; choose another place",
        tmp_path / "a:b": "the path has ':', which divides paths on the PATH; choose another place",
        tmp_path / ("x" * 300): "File name too long",
        Path("/proc/fork"): "nothing of the fork was left",
    }.items():
        done = reflink("fork", environment, place, code=1)
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert sorted(os.listdir(tmp_path)) == ["env", "file", "taken"]


def test_a_source_that_holds_half_of_a_change(environment: Path, tmp_path: Path, reflink: Run) -> None:
    """It is only read, so that whoever may change it has to take that back; the command that is told does."""
    (environment / ".virtualenv-reflink-journal").mkdir()
    error = reflink("fork", environment, tmp_path / "fork", code=1).stderr
    assert error.startswith(f"error: an installation into {environment} was interrupted; ")
    (command,) = [part for part in error.split(" takes back")[0].split("; ") if part.startswith("virtualenv-reflink")]
    reflink(*command.split()[1:])
    reflink("fork", environment, tmp_path / "fork")
    assert prefix(tmp_path / "fork") == tmp_path / "fork"


def test_the_running_environment(environment: Path, tmp_path: Path) -> None:
    """A fork of the environment that runs this, made from within it."""
    package = Path(virtualenv_reflink.__file__).parents[1]
    code = f"import sys; sys.path[:0] = [{str(package)!r}]; import virtualenv_reflink as our; our.fork(*sys.argv[1:])"
    subprocess.run([environment / "bin" / "python", "-c", code, environment, tmp_path / "fork"], check=True)
    assert prefix(tmp_path / "fork") == tmp_path / "fork"


@pytest.mark.parametrize("core", ["native", "python"])
@pytest.mark.parametrize("mode", [Clone, Copy])
def test_files_that_go_before_they_are_copied_are_left_out(
    btrfs: Path, tmp_path: Path, core: str, mode: type[FileMode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CORE, core)
    source, target = (btrfs / tmp_path.name / f"{core}-{mode.name}-{name}" for name in ("source", "target"))
    for directory in (source, target):
        directory.mkdir(parents=True)
    for name in ("first", "last"):
        (source / name).write_text(name)
        (source / name).chmod(0o640)
        os.utime(source / name, ns=(1, 2))
    placer = Placer([mode])
    names = ["first", "gone", "last"]
    with Worklist(placer, Progress()) as worklist:
        chosen = placer.files.between(str(source / "first"), str(target))
        worklist.add([FilesAsTheyAre(str(source), str(target), names, chosen, current_umask())])
    assert facts(target) == facts(source)
    assert sorted(os.listdir(target)) == ["first", "last"]


@ONCE
@pytest.mark.parametrize("filesystem", ["xfs", "ext4"])
def test_a_full_disk(filesystem: str, reflink: Run) -> None:
    require_mounts(filesystem)
    with loop_mount(filesystem, 320) as place:
        source = bare(place / "env")
        (source / "large").write_bytes(os.urandom(1 << 20))
        filler = place / "filler"
        with filler.open("wb") as stream:
            while True:
                try:
                    stream.write(bytes(1 << 16))
                    stream.flush()
                except OSError:
                    break
        done = reflink("fork", source, place / "fork", code=1)
        assert "No space left on device" in done.stderr
        assert sorted(set(os.listdir(place)) - {"lost+found"}) == ["env", "filler"]


def test_a_copy_that_fails_leaves_nothing(environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from virtualenv_reflink.forking import repoint

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(repoint, "changed_records", fail)
    with pytest.raises(TargetError, match="somewhere: No space left on device; nothing of the fork was left"):
        virtualenv_reflink.fork(environment, tmp_path / "deep" / "er" / "fork")
    assert sorted(os.listdir(tmp_path)) == ["env"]
