"""What goes wrong in the middle of a batch is told in the same sentence, and taken back alike, by either core."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.loop_mounts import loop_mount
from tests.conftest import ONCE, bare, require_mounts, tree_digest
from tests.support.comparison import packages, site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.filesystem import native

pytestmark = [ONCE, pytest.mark.skipif(native.core() != "native", reason="there is no native core here")]

ROOT = Path(__file__).parents[2]
FILES = {f"sample/{number}.bin": os.urandom(200_000) for number in range(20)}
LAST = "19.bin"
SPOILT = """
import sys
from pathlib import Path
from tests.transaction import test_bad_batches as rows
from virtualenv_reflink.transaction import install

class Spoilt(install.Worklist):
    def add(self, batches):
        if Path(sys.argv[2]).exists():
            # the second attempt, if there is one, is left alone
            Path(sys.argv[2]).unlink()
            getattr(rows, sys.argv[1])(Path(sys.argv[3]))
        super().add(batches)

    def __exit__(self, *error):
        try:
            return super().__exit__(*error)
        finally:
            rows.give_back_descriptors()

install.Worklist = Spoilt
from virtualenv_reflink.cli import main
sys.exit(main(sys.argv[4:]))
"""


def take_target(place: Path) -> None:
    target = site_packages(place / "env") / "sample"
    target.mkdir()
    (target / LAST).write_text("somebody else's")


def take_source(place: Path) -> None:
    (source,) = place.glob(f"cache/**/unpacked/tree/purelib/sample/{LAST}")
    source.unlink()


def fill_disk(place: Path) -> None:
    status = os.statvfs(place)
    os.posix_fallocate(os.open(place / "ballast", os.O_CREAT | os.O_RDWR), 0, (status.f_bavail - 400) * status.f_frsize)


def take_descriptors(_: Path) -> None:
    core = native.core()
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    # one is left; a thread of the native core has files of its own, and begins with the standard streams
    limit = 1 + (3 if core == "native" else lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def give_back_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def terminate(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("spoil", "code", "sentence"),
    [
        (take_target, 1, "is there already and belongs to no installed package"),
        (take_source, 0, ""),
        (fill_disk, 1, "No space left on device"),
        (take_descriptors, 1, "Too many open files"),
        (terminate, 128 + signal.SIGTERM, ""),
    ],
)
def test_both_cores_do_the_same(tmp_path: Path, spoil: Callable[[Path], None], code: int, sentence: str) -> None:
    require_mounts("tmpfs")
    wheel = make_wheel(tmp_path, FILES)
    said = {}
    for core in ("native", "python"):
        with loop_mount("tmpfs", 40) as place:
            environment = bare(place / "env")
            before = tree_digest(environment)
            (tmp_path / "once").touch()
            words = ["install", "--wheel-cache", place / "cache", "--link-mode", "copy", "-p", environment, wheel]
            done = subprocess.run(
                [sys.executable, "-c", SPOILT, spoil.__name__, tmp_path / "once", place, *words],
                cwd=ROOT,
                env={**os.environ, native.CORE: core},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == code, done.stderr
            said[core] = done.stderr.replace(str(place), "PLACE")
            assert "Traceback" not in done.stderr
            if code:
                assert tree_digest(environment) == before
                assert not list(environment.glob(".virtualenv-reflink*"))
            else:
                assert packages(environment) == {"sample": "1.0"}
                assert {path.name: path.read_bytes() for path in site_packages(environment).glob("sample/*.bin")} == {
                    path.rpartition("/")[2]: content for path, content in FILES.items()
                }
    assert said["native"] == said["python"]
    assert sentence in said["native"]
    assert len(said["native"].splitlines()) == bool(sentence)
