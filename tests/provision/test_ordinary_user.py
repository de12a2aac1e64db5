"""What an ordinary user does, as an ordinary user: an account of its own that owns nothing but one directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ONCE, python_of
from tests.support.comparison import site_packages
from tests.support.wheels import full_wheel
from virtualenv_reflink.filesystem.subvolume import is_subvolume

NOBODY = 65534
# the account may read what the tests run from, wherever that is
READ = "-all,+dac_read_search"
AS_NOBODY = [
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"),
    *(f"--inh-caps={READ}", f"--ambient-caps={READ}", f"--bounding-set={READ}"),
]
MODES = [
    *[("btrfs", mode) for mode in ("clone", "snapshot", "layer", "hardlink", "copy")],
    *[("xfs", mode) for mode in ("clone", "layer")],
    *[("ext4", mode) for mode in ("copy", "layer", "hardlink")],
]

pytestmark = [ONCE, pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")]

Act = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def act(place: Path, monkeypatch: pytest.MonkeyPatch) -> Act:
    """Run a command as the ordinary user, who owns the place."""
    os.chown(place, NOBODY, NOBODY)
    # access(2) knows nothing of capabilities, so the way there must be open to all
    place.parent.parent.chmod(0o755)
    for variable in ("HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "VIRTUALENV_OVERRIDE_APP_DATA"):
        monkeypatch.setenv(variable, str(place))

    def run(*command: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        words = [*AS_NOBODY, *map(str, command)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=place)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.mark.parametrize(("place", "mode"), MODES, indirect=["place"])
def test_environments_are_made_used_and_deleted(tmp_path: Path, place: Path, mode: str, act: Act) -> None:
    wheel = shutil.copy(full_wheel(tmp_path), place)
    options = ["--wheel-cache", place / "cache", "--link-mode", mode, "--with", wheel]
    commands = [
        [sys.executable, "-m", "virtualenv_reflink", "venv"],
        [sys.executable, "-m", "virtualenv", "--seeder", "reflink", "--no-periodic-update"],
    ]
    for number, command in enumerate(commands):
        environment = place / f"env-{number}"
        for clear in ([], ["--clear"]):
            act(*command, *options, *clear, environment)
            assert is_subvolume(str(site_packages(environment))) == (mode == "snapshot")
            assert act(environment / "bin" / "sample").stdout == "sample runs\n"
            act(python_of(environment), "-m", "pip", "check")
    act(sys.executable, "-m", "virtualenv_reflink", "fork", place / "env-0", place / "env-2")
    assert is_subvolume(str(site_packages(place / "env-2"))) == (mode == "snapshot")
    assert act(place / "env-2" / "bin" / "sample").stdout == "sample runs\n"
    act("rm", "-r", place / "env-2")
    if mode == "layer":
        act(sys.executable, "-m", "virtualenv_reflink", "eject", "--wheel-cache", place / "cache", place / "env-0")
    else:
        act(python_of(place / "env-0"), "-m", "pip", "uninstall", "-y", "sample")
    act("rm", "-r", place / "env-0")
    act(sys.executable, "-c", f"import shutil; shutil.rmtree({str(place / 'env-1')!r})")
    assert not list(place.glob("env-*"))


@pytest.mark.parametrize("place", ["btrfs", "xfs", "ext4"], indirect=True)
@pytest.mark.parametrize("mode", ["layer", "hardlink"])
def test_shared_files_are_read_only(tmp_path: Path, place: Path, mode: str, act: Act) -> None:
    wheel = shutil.copy(full_wheel(tmp_path), place)
    options = ["--wheel-cache", place / "cache", "--link-mode", mode, "--without-pip", "--with", wheel]
    act(sys.executable, "-m", "virtualenv_reflink", "venv", *options, place / "env")
    write = "import sample; open(sample.__file__, 'a')"
    assert "PermissionError" in act(python_of(place / "env"), "-c", write, code=1).stderr


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_a_cache_of_another_user_is_refused(place: Path, act: Act) -> None:
    (place / "cache").mkdir()
    os.chown(place / "cache", NOBODY - 1, NOBODY - 1)
    options = ["--wheel-cache", place / "cache", "--link-mode", "layer"]
    said = act(sys.executable, "-m", "virtualenv_reflink", "venv", *options, place / "env", code=1).stderr
    assert f"belongs to another user (uid {NOBODY - 1})" in said
    assert not (place / "env").exists()
