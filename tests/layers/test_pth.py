"""``--link-mode layer``: one ``.pth`` line for all packages, whose files environments share."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run, bare, python_of, tree_digest
from tests.layers.test_snapshot import SEEDS, UNPRIVILEGED
from tests.support.comparison import differences, packages, site_packages
from tests.support.wheels import full_wheel, make_wheel
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.layers.users import living_users

ANYWHERE = pytest.mark.parametrize("place", ["btrfs", "xfs", "ext4"], indirect=True)


@pytest.fixture
def layered(tmp_path: Path, reflink: Run) -> Path:
    """An environment with pip and a sample package in a layer."""
    options = ["--wheel-cache", tmp_path / "cache", "--link-mode", "layer", "--with", full_wheel(tmp_path)]
    reflink("venv", *options, tmp_path / "layer" / "env")
    return tmp_path / "layer" / "env"


def pip(environment: Path, *args: object, code: int = 0) -> str:
    command = [python_of(environment), "-m", "pip", "--disable-pip-version-check", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def runs(environment: Path, code: str) -> str:
    done = subprocess.run([python_of(environment), "-c", code], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("mode", ["layer", "snapshot"])
def test_nothing_needs_no_layer(place: Path, mode: str, reflink: Run) -> None:
    options = ["--wheel-cache", place / "cache", "--link-mode", mode]
    reflink("venv", "--without-pip", *options, place / "env")
    assert list(place.glob("cache/*/layers/*")) == []
    assert not any(path for path in site_packages(place / "env").iterdir())
    # and what comes later is put as into any new environment
    assert f"via {mode}" in reflink("install", *options, "-p", place / "env", full_wheel(place)).stdout


def test_virtualenv_tells_what_is_in_the_layer(tmp_path: Path, virtualenv: Run) -> None:
    options = ["--wheel-cache", tmp_path / "cache", "--link-mode", "layer", "--with", full_wheel(tmp_path)]
    said = virtualenv(*options, "--pip", "bundle", tmp_path / "env").stdout
    held = json.loads(pip(tmp_path / "env", "list", "--format=json"))
    packages_held = " ".join(sorted(f"{each['name']}=={each['version']}" for each in held))
    assert f", layer={packages_held})" in said


@ANYWHERE
def test_interpreters_share_the_files_of_the_cache(tmp_path: Path, place: Path, virtualenv: Run) -> None:
    options = ["--wheel-cache", place / "cache", "--link-mode", "layer", "--with", full_wheel(tmp_path)]
    assert "via=layer," in virtualenv(*options, place / "first").stdout
    virtualenv(*options, place / "second")
    cached = {path.stat().st_ino for path in place.glob("cache/v*/wheels/*/*/tree/*lib/**/*") if path.is_file()}
    for name in ("first", "second"):
        environment = place / name
        assert packages(environment) == {}
        where = runs(environment, "import sample, pip._internal.cli.main as pip; print(sample.__file__, pip.__file__)")
        assert {Path(path).stat().st_ino for path in where.split()} <= cached
        assert subprocess.check_output([environment / "bin" / "sample"], text=True) == "sample runs\n"
        assert subprocess.check_output([environment / "bin" / "sample-script"], text=True) == "sample runs\n"
        assert (environment / "share" / "sample.txt").read_text() == "shared"
        subprocess.run([environment / "bin" / "pip", "check"], check=True)
        listed = {each["name"] for each in json.loads(pip(environment, "list", "--format=json"))}
        assert listed == {"pip", "sample"}
    (layer,) = place.glob("cache/v*/layers/layer-*/tree")
    before = tree_digest(layer)
    script = f"import pathlib; pathlib.Path({str(layer / 'sample' / '__init__.py')!r}).write_text('changed')"
    done = subprocess.run([*UNPRIVILEGED, sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr
    assert tree_digest(layer) == before


def test_what_pip_says_and_does(tmp_path: Path, layered: Path) -> None:
    assert "Name: sample" in pip(layered, "show", "sample")
    assert "outside environment" in pip(layered, "uninstall", "-y", "sample")
    newer = make_wheel(tmp_path, {"sample.py": b"version = 2\n"}, version="2.0")
    pip(layered, "install", "--no-index", "-U", newer)
    assert runs(layered, "import sample; print(sample.version)") == "2\n"
    assert "sample==2.0" in pip(layered, "freeze") or "sample @" in pip(layered, "freeze")
    pip(layered, "uninstall", "-y", "sample")
    assert runs(layered, "import sample; sample.main()") == "sample runs\n"
    pip(layered, "check")


def test_what_is_installed_here_later_wins(tmp_path: Path, layered: Path, reflink: Run) -> None:
    options = ["--wheel-cache", tmp_path / "cache", "-p", layered, "--link-mode", "layer"]
    assert reflink("install", *options, tmp_path / "sample-1.0-py3-none-any.whl", "--dry-run").returncode == 0
    points = "[console_scripts]\nsample = sample:main\n"
    newer = make_wheel(tmp_path, {"sample.py": b"def main(): print('two')\n"}, version="2.0", entry_points=points)
    said = reflink("install", *options, newer).stdout
    assert ": the environment already has packages" in said
    assert " - sample==1.0\n + sample==2.0" in said
    assert subprocess.check_output([layered / "bin" / "sample"], text=True) == "two\n"


def test_pth_files_of_a_layer_work(tmp_path: Path, reflink: Run) -> None:
    wheel = make_wheel(tmp_path, {"sample.pth": b"import sys; sys.from_pth = True\n"})
    options = ["--wheel-cache", tmp_path / "cache", "--link-mode", "layer", "--without-pip", "--with", wheel]
    reflink("venv", *options, tmp_path / "env")
    assert runs(tmp_path / "env", "import sys; print(sys.from_pth)") == "True\n"


def test_a_layer_that_has_gone_is_one_line_at_start(tmp_path: Path, layered: Path, reflink: Run) -> None:
    (layer,) = [
        path
        for path in tmp_path.glob("cache/v*/layers/layer-*")
        if json.loads((path / "layer.json").read_text())["beside"]
    ]
    shutil.rmtree(layer)
    started, told = runs(layered, "print('started')").splitlines()
    assert started == "started"
    # from Python 3.15 on it is site that tells
    missing = f"virtualenv-reflink: the layer {layer}/tree of this environment is missing; create the environment again"
    assert told == missing if sys.version_info < (3, 15) else f"{layer}/tree does not exist" in told
    assert "is missing" in reflink("eject", "--wheel-cache", tmp_path / "cache", layered, code=1).stderr
    wheel = tmp_path / "sample-1.0-py3-none-any.whl"
    options = ["--wheel-cache", tmp_path / "cache", "--link-mode", "layer", "--with", wheel]
    reflink("venv", *options, "--clear", layered)
    assert runs(layered, "import sample; sample.main()") == "sample runs\n"


def test_making_it_again_changes_nothing(tmp_path: Path, layered: Path, reflink: Run) -> None:
    before = tree_digest(layered)
    wheel = tmp_path / "sample-1.0-py3-none-any.whl"
    options = ["--wheel-cache", tmp_path / "cache", "--link-mode", "layer", "--with", wheel]
    assert reflink("venv", *options, layered).stdout == ""
    assert tree_digest(layered) == before
    assert packages(layered) == {}


@pytest.mark.parametrize("mode", ["layer", "copy"])
def test_an_environment_whose_layer_is_missing_can_be_made_again(
    tmp_path: Path, layered: Path, mode: str, reflink: Run
) -> None:
    shutil.rmtree(tmp_path / "cache")
    wheel = tmp_path / "sample-1.0-py3-none-any.whl"
    options = ["--wheel-cache", tmp_path / "cache", "--link-mode", mode, "--with", wheel]
    reflink("venv", *options, layered)
    assert runs(layered, "import sample; sample.main()") == "sample runs\n"
    pip(layered, "check")


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_layered_environment_in_another_place(tmp_path: Path, layered: Path, how: str, reflink: Run) -> None:
    place = tmp_path / "place"
    if how == "moved":
        layered.rename(place)
    else:
        shutil.copytree(layered, place, symlinks=True)
    cache = ["--wheel-cache", tmp_path / "cache"]
    wheel = tmp_path / "sample-1.0-py3-none-any.whl"
    reflink("install", *cache, "-p", place, "--force-reinstall", "--no-deps", wheel)
    assert subprocess.check_output([place / "bin" / "sample"], text=True) == "sample runs\n"
    reflink("eject", *cache, place)
    pip(place, "check")


def test_ejecting_makes_packages_the_environments_own(tmp_path: Path, layered: Path, reflink: Run) -> None:
    cache = ["--wheel-cache", tmp_path / "cache"]
    assert reflink("eject", *cache, layered, "nobody", code=1).stderr.endswith("has no nobody\n")
    said = reflink("eject", *cache, layered, "Sample").stdout.splitlines()
    assert said[0].startswith("Ejected 1 package via ")
    assert said[1:] == [" + sample==1.0"]
    assert packages(layered) == {"sample": "1.0"}
    assert str(layered) in runs(layered, "import sample; print(sample.__file__)")
    assert str(layered) not in runs(layered, "import pip; print(pip.__file__)")
    assert f"Ejected {len(SEEDS)} package" in reflink("eject", *cache, layered).stdout
    assert "has no layer" in reflink("eject", *cache, layered, code=1).stderr
    pip(layered, "uninstall", "-y", "sample")
    assert not (layered / "bin" / "sample").exists()


def test_what_was_ejected_equals_what_was_installed(tmp_path: Path, reflink: Run) -> None:
    wheel, environments = full_wheel(tmp_path), [tmp_path / mode / "env" for mode in ("layer", "clone")]
    for environment in environments:
        mode = environment.parent.name.replace("clone", "auto")
        reflink("install", "--wheel-cache", tmp_path / "cache", "-p", bare(environment), "--link-mode", mode, wheel)
    reflink("eject", "--wheel-cache", tmp_path / "cache", environments[0])
    assert differences(*environments) == []


def test_a_layer_knows_the_environments_that_live_on_it(tmp_path: Path, reflink: Run) -> None:
    cache, wheel = tmp_path / "cache", full_wheel(tmp_path)
    options = ["--wheel-cache", cache, "--link-mode", "layer", "--without-pip"]
    environments = [tmp_path / name for name in ("one", "two", "three")]
    reflink("venv", *options, "--with", wheel, *environments)
    (layer,) = cache.glob("v*/layers/layer-*")
    assert living_users(WheelCache(cache)) == {layer.name: sorted(environments)}
    shutil.rmtree(environments[0])
    environments[1].rename(tmp_path / "moved")
    reflink("eject", "--wheel-cache", cache, environments[2])
    assert living_users(WheelCache(cache)) == {}
    assert runs(tmp_path / "moved", "import sample; sample.main()") == "sample runs\n"
    reflink("install", "--wheel-cache", cache, "-p", tmp_path / "moved", make_wheel(tmp_path, {}, name="another"))
    assert living_users(WheelCache(cache)) == {layer.name: [tmp_path / "moved"]}


def test_nothing_is_left_when_something_is_in_the_way(tmp_path: Path, reflink: Run) -> None:
    environment = bare(tmp_path / "env")
    (environment / "bin" / "sample").write_text("mine")
    before = tree_digest(environment)
    options = ["--wheel-cache", tmp_path / "cache", "-p", environment, "--link-mode", "layer", full_wheel(tmp_path)]
    assert "bin/sample is there already" in reflink("install", *options, code=1).stderr
    assert tree_digest(environment) == before
