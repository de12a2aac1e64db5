"""Where the wheel cache is for users who have no home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ONCE, python_of

# a user who has no entry in passwd, as in a container that is started with another user id
NOBODY = ["unshare", "--user", "--map-user=54321"]
HOMES = {"none": None, "empty": "", "relative": "relative", "not writable": "/proc/absent"}
NO_PLACE = "there is no place for a wheel cache ("


def as_nobody(home: str | None, place: Path, *command: object) -> subprocess.CompletedProcess[str]:
    if subprocess.run([*NOBODY, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not allowed here")
    kept = {name: os.environ[name] for name in ("PATH", "PIP_INDEX_URL") if name in os.environ}
    environ = {**kept, "TMPDIR": str(place / "tmp"), **({} if home is None else {"HOME": home})}
    (place / "tmp").mkdir(exist_ok=True)
    words = [*NOBODY, sys.executable, "-m", *map(str, command)]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=place, env=environ)


@ONCE
@pytest.mark.parametrize("home", HOMES.values(), ids=HOMES)
@pytest.mark.parametrize("front", [["virtualenv_reflink", "venv"], ["virtualenv", "--seeder", "reflink"]], ids=str)
def test_without_a_home_a_temporary_cache_is_told_once(tmp_path: Path, home: str | None, front: list[str]) -> None:
    done = as_nobody(home, tmp_path, *front, "env")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count(NO_PLACE) == 1
    assert "--wheel-cache" in said
    assert list((tmp_path / "tmp").glob("virtualenv-reflink-*")) == []
    assert sorted(os.listdir(tmp_path)) == ["env", "tmp"]
    subprocess.run([python_of(tmp_path / "env"), "-m", "pip", "--version"], check=True, capture_output=True)


@pytest.mark.parametrize("front", [["virtualenv_reflink", "venv"], ["virtualenv", "--seeder", "reflink"]], ids=str)
def test_with_a_cache_of_its_own_no_home_is_needed(tmp_path: Path, front: list[str]) -> None:
    done = as_nobody(None, tmp_path, *front, "--wheel-cache", "cache", "env")
    assert done.returncode == 0, done.stdout + done.stderr
    assert NO_PLACE not in done.stdout + done.stderr
    assert (tmp_path / "cache").is_dir()


@pytest.mark.parametrize("front", [["virtualenv_reflink", "venv"], ["virtualenv", "--seeder", "reflink"]], ids=str)
def test_a_layer_is_not_put_into_a_temporary_cache(tmp_path: Path, front: list[str]) -> None:
    done = as_nobody(None, tmp_path, *front, "--link-mode", "layer", "env")
    assert done.returncode == 1
    said = (done.stdout + done.stderr).strip()
    assert said.endswith("--link-mode layer needs a wheel cache that stays; name one with --wheel-cache")
    assert not (tmp_path / "env").exists()
    assert list((tmp_path / "tmp").glob("virtualenv-reflink-*")) == []


def test_a_failure_leaves_no_temporary_cache(tmp_path: Path) -> None:
    done = as_nobody(None, tmp_path, "virtualenv_reflink", "venv", "--with", "/absent-1-py3-none-any.whl", "env")
    assert done.returncode == 1
    assert list((tmp_path / "tmp").glob("virtualenv-reflink-*")) == []


def test_other_variables_name_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from virtualenv_reflink.cache.temporary import is_temporary
    from virtualenv_reflink.provision.settings import default_wheel_cache

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_wheel_cache() == tmp_path / "virtualenv-reflink"
    assert not is_temporary(default_wheel_cache())


def test_the_users_configuration_has_no_place(tmp_path: Path) -> None:
    done = as_nobody(None, tmp_path, "virtualenv_reflink", "default", "status")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "VIRTUALENV_CONFIG_FILE" in done.stderr
