"""``runner = reflink`` in a real tox, and our seeder under tox's own runner."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import AT_LENGTH, ONCE, THE_ONE_PYTHON, Run
from tests.support.comparison import packages, site_packages
from tests.support.extents import shares_all_extents
from tests.support.index import Index
from tests.support.projects import make_project
from tests.support.tools import default_signals
from tests.support.wheels import make_wheel
from virtualenv_reflink.filesystem.subvolume import is_subvolume

OLDEST = "tox==4.22"


def _runs(version: str) -> bool:
    """Whether tox would find this Python: pyenv has a shim for each version, which only runs the chosen ones."""
    command = [shutil.which(f"python{version}") or sys.executable, "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return said.startswith(f"Python {version}.")


MATRIX = [f"py3{minor}" for minor in (10, 11, 12, 13) if THE_ONE_PYTHON and _runs(f"3.{minor}")]
HERE = f"py3{sys.version_info.minor}"
CODE = b"value = 1\n" * 2000


@pytest.fixture(scope="module", params=["tox", pytest.param(OLDEST, marks=AT_LENGTH)])
def tox(request: pytest.FixtureRequest, beside: Callable[..., Path]) -> Path:
    return beside(request.param) / "tox"


@pytest.fixture(scope="module")
def newest(beside: Callable[..., Path]) -> Path:
    return beside("tox") / "tox"


@pytest.fixture(scope="module")
def too_old(beside: Callable[..., Path]) -> Path:
    return beside("tox==4.11") / "tox"


@pytest.fixture
def project(tmp_path: Path, index: Index, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIRTUALENV_WHEEL_CACHE", str(cache))
    for name, version in (("first", "1.0"), ("first", "2.0"), ("second", "1.0"), ("third", "1.0")):
        make_wheel(index.directory, {f"{name}.py": CODE}, name=name, version=version)
    root = make_project(tmp_path / "project")
    write(root)
    return root


def write(root: Path, deps: str = "first", more: str = "package = wheel", commands: str = "import first") -> None:
    (root / "tox.ini").write_text(
        f"[tox]\nenv_list = {','.join(MATRIX or [HERE])}\n[testenv]\nrunner = reflink\nwheel_build_env = .pkg\n"
        f"pass_env = PIP_*\ndeps =\n    {deps}\n{more}\ncommands = python -c '{commands}'\n"
    )


def add(root: Path, settings: str) -> None:
    with (root / "pyproject.toml").open("a") as stream:
        stream.write(settings)


def run(tox: Path, root: Path, *args: object, code: int = 0, how: str = "run") -> str:
    command = [tox, how, "--colored", "no", *map(str, args)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    return said


def held(root: Path, name: str = HERE) -> dict[str, str]:
    return {key: value for key, value in packages(root / ".tox" / name).items() if key not in ("pip", "setuptools")}


def test_environments_are_filled_by_us_kept_and_made_anew(tox: Path, project: Path) -> None:
    said = run(tox, project, "-e", HERE)
    assert "-m pip install" not in said
    assert held(project) == {"first": "2.0", "sample": "1.0"}
    assert "install_deps" not in run(tox, project, "-e", HERE)
    made = {path.name for path in (project / ".tox").iterdir()}
    assert f"{HERE}: remove tox env folder" in run(tox, project, "-r", "--notest", "-e", HERE)
    assert {path.name for path in (project / ".tox").iterdir()} == made
    assert held(project) == {"first": "2.0", "sample": "1.0"}
    write(project, deps="first<2")
    said = run(tox, project, "-e", HERE)
    assert "requirements removed: first" in said
    assert held(project) == {"first": "1.0", "sample": "1.0"}
    write(project, deps="first<2\n    second")
    run(tox, project, "--skip-pkg-install", "-e", HERE)
    assert held(project) == {"first": "1.0", "second": "1.0", "sample": "1.0"}
    write(project, deps="first<2\n    second", more="package = wheel\nreflink_link_mode = copy")
    assert "remove tox env folder" in run(tox, project, "--notest", "-e", HERE)


@AT_LENGTH
@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_a_matrix_in_parallel_and_again_shares_its_files_with_the_cache(
    newest: Path, project: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUALENV_WHEEL_CACHE", str(place / "cache"))
    add(project, "optional-dependencies.more = ['second']\n")
    write(project, more="package = wheel\nextras = more")
    report = place / "report.json"
    for again in ([], ["-r"]):
        arguments = ["-p", "2", *again, "--workdir", place / "tox", "--result-json", report]
        run(newest, project, *arguments, how="run-parallel")
        told = json.loads(report.read_text())["testenvs"]
        assert told.keys() - {".pkg"} == set(MATRIX)
        for name in MATRIX:
            found = site_packages(place / "tox" / name) / "first.py"
            assert any(shares_all_extents(found, each) for each in place.glob("cache/**/first.py"))
            assert {"first==2.0", "second==1.0"} <= set(told[name]["installed_packages"])
            assert told[name]["result"]["success"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("package = editable", {"first": "1.0", "sample": "1.0"}),
        ("package = sdist-wheel\nuse_develop = true", {"first": "1.0", "sample": "1.0"}),
        ("package = skip\ndependency_groups = few", {"first": "1.0", "second": "1.0"}),
    ],
)
@AT_LENGTH
def test_ways_to_ask_for_packages(newest: Path, project: Path, more: str, expected: dict[str, str]) -> None:
    add(project, "[dependency-groups]\nfew = ['second']\n")
    (project / "constraints.txt").write_text("first<2\n")
    write(project, deps="first\n    -c constraints.txt", more=more)
    run(newest, project, "-e", HERE)
    assert held(project) == expected


@AT_LENGTH
def test_an_sdist_with_extras_and_constraints_for_what_it_depends_on(newest: Path, project: Path) -> None:
    add(project, "dependencies = ['first']\noptional-dependencies.more = ['second']\n")
    (project / "constraints.txt").write_text("first<2\n")
    deps = "third\n    -c constraints.txt"
    write(project, deps=deps, more="package = sdist\nextras = more\nconstrain_package_deps = true")
    run(newest, project, "-e", HERE)
    assert held(project) == {"first": "1.0", "second": "1.0", "third": "1.0", "sample": "1.0"}
    write(project, deps=deps, more="package = sdist\nextras = more")
    assert "constraint options changed" in run(newest, project, "-e", HERE)
    assert held(project)["first"] == "2.0"


@AT_LENGTH
def test_what_is_to_be_done_before_an_environment_is_made_anew(newest: Path, project: Path) -> None:
    write(project, more="recreate_commands = python -c 'import first; print(\"the old\", first.value)'")
    run(newest, project, "--notest", "-e", HERE)
    assert "the old 1" in run(newest, project, "-r", "--notest", "-e", HERE)
    write(project, more="platform = nowhere")
    run(newest, project, "-r", "--notest", "-e", HERE, code=1)
    assert held(project) == {"first": "2.0", "sample": "1.0"}


@AT_LENGTH
def test_an_install_command_of_the_user_is_run_in_place_of_ours(newest: Path, project: Path) -> None:
    write(project, more="package = wheel\ninstall_command = python -m pip install {opts} {packages}")
    said = run(newest, project, "-e", HERE)
    assert "install_deps> python -m pip install first" in said
    assert "-m virtualenv_reflink install" not in said
    assert held(project) == {"first": "2.0", "sample": "1.0"}


@AT_LENGTH
def test_a_pylock(newest: Path, project: Path) -> None:
    (project / "requirements.txt").write_text("first<2\nsecond\n")
    lock = [sys.executable, "-m", "virtualenv_reflink", "lock", "-q", "-r", "requirements.txt", "-o", "pylock.toml"]
    subprocess.run(lock, cwd=project, check=True)
    write(project, deps="", more="package = skip\npylock = pylock.toml")
    run(newest, project, "-e", HERE)
    assert held(project) == {"first": "1.0", "second": "1.0"}


@AT_LENGTH
def test_what_fails_keeps_its_exit_code_and_is_not_trusted(newest: Path, project: Path) -> None:
    make_project(project / "broken", "broken", code="raise SystemExit('no build today')\n")
    write(project, deps="./broken\n    first")
    assert "no build today" in run(newest, project, "-e", HERE, code=1)
    assert held(project) == {}
    write(project)
    run(newest, project, "-e", HERE)
    write(project, commands="raise SystemExit(7)")
    run(newest, project, "-e", HERE, code=7)
    write(project, more="reflink_link_mode = teleport")
    assert "must be one of" in run(newest, project, "-e", HERE, code=1)


@pytest.mark.parametrize("place", ["tmpfs"], indirect=True)
def test_a_link_mode_that_is_impossible_is_told_in_one_sentence(newest: Path, project: Path, place: Path) -> None:
    write(project, more="reflink_link_mode = snapshot")
    said = run(newest, project, "--workdir", place / "tox", "-e", HERE, code=1)
    assert "--link-mode snapshot is impossible here: " in said


@AT_LENGTH
def test_an_interrupted_run_leaves_nothing_that_the_next_one_trusts(newest: Path, project: Path) -> None:
    marker = project / "building"
    slow = f"import pathlib, time\npathlib.Path({str(marker)!r}).touch()\ntime.sleep(30)\n"
    make_project(project / "slow", "slow", code=slow)
    write(project, deps="./slow\n    first")
    command = [newest, "run-parallel", "-p", "2", "-e", ",".join(MATRIX[-2:] or [HERE])]
    child = subprocess.Popen(
        command, cwd=project, start_new_session=True, stdout=subprocess.DEVNULL, preexec_fn=default_signals
    )
    deadline = time.monotonic() + 120
    while not marker.exists():
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(60) != 0
    write(project)
    run(newest, project, "-e", HERE)
    assert held(project) == {"first": "2.0", "sample": "1.0"}


@AT_LENGTH
@pytest.mark.parametrize("by", ["set_env", "virtualenv.ini"])
def test_our_seeder_alone(newest: Path, project: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (project / "tox.ini").read_text().replace("runner = reflink\n", "")
    if by == "set_env":
        settings += "set_env = VIRTUALENV_SEEDER = reflink\n"
    else:
        (project / "virtualenv.ini").write_text("[virtualenv]\nseeder = reflink\n")
        monkeypatch.setenv("VIRTUALENV_CONFIG_FILE", str(project / "virtualenv.ini"))
    (project / "tox.ini").write_text(settings)
    said = run(newest, project, "-vv", "--notest", "-e", HERE)
    assert "ReflinkSeeder" in said
    assert "-m virtualenv_reflink install" not in said


@AT_LENGTH
def test_our_runner_for_all_by_one_variable(newest: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "tox.ini").write_text((project / "tox.ini").read_text().replace("runner = reflink\n", ""))
    monkeypatch.setenv("TOX_DEFAULT_RUNNER", "reflink")
    assert "-m virtualenv_reflink install" in run(newest, project, "--notest", "-e", HERE)


@ONCE
@pytest.mark.parametrize("ours", ["a", "b"])
@pytest.mark.parametrize("more", ["", "[testenv:.pkg]\nset_env = BUILT = yes\n"])
def test_beside_environments_with_another_runner(newest: Path, project: Path, ours: str, more: str) -> None:
    write(project)
    mixed = (project / "tox.ini").read_text().replace("runner = reflink\n", "").partition("[testenv]")[2]
    own = f"[testenv:{ours}]\nrunner = reflink\n"
    (project / "tox.ini").write_text(f"[tox]\nenv_list = a, b\n[testenv]{mixed}{own}{more}")
    said = run(newest, project)
    by_us = [line.partition(":")[0] for line in said.splitlines() if "-m virtualenv_reflink install" in line]
    assert set(by_us) == {ours}
    for name in ("a", "b"):
        assert held(project, name) == {"first": "2.0", "sample": "1.0"}


@AT_LENGTH
def test_tox_gets_us_where_a_project_requires_us(
    tmp_path: Path, reflink: Run, cache: Path, project_wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reflink("venv", "--without-pip", "--wheel-cache", cache, "--with", "tox", tmp_path / "tools")
    root = make_project(tmp_path / "project")
    write(root, deps="attrs", more="package = skip", commands="import attrs")
    (root / "tox.ini").write_text(
        (root / "tox.ini").read_text().replace("[tox]", "[tox]\nrequires = virtualenv-reflink")
    )
    places = [os.environ.get("PIP_FIND_LINKS", ""), str(project_wheel.parent)]
    monkeypatch.setenv("PIP_FIND_LINKS", " ".join(filter(None, places)))
    monkeypatch.setenv("VIRTUALENV_WHEEL_CACHE", str(cache))
    said = run(tmp_path / "tools" / "bin" / "tox", root, "-e", HERE)
    assert "-m virtualenv_reflink install" in said
    assert "attrs" in held(root)


@AT_LENGTH
def test_another_virtualenv_seeds_as_ever_and_we_install(
    newest: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_project(tmp_path / "project")
    write(root, deps="attrs", more="package = skip\nvirtualenv_spec = virtualenv==20.31.0", commands="import attrs")
    monkeypatch.setenv("VIRTUALENV_WHEEL_CACHE", str(cache))
    run(newest, root, "-e", HERE)
    installers = {
        name: next(site_packages(root / ".tox" / HERE).glob(f"{name}-*.dist-info/INSTALLER")).read_text()
        for name in ("pip", "attrs")
    }
    assert installers == {"pip": "pip\n", "attrs": "virtualenv-reflink\n"}
    assert "virtualenv = 20.31.0" in (root / ".tox" / HERE / "pyvenv.cfg").read_text()


@AT_LENGTH
def test_beside_a_tox_too_old_one_sentence_and_toxs_own_runner(too_old: Path, project: Path) -> None:
    (project / "tox.ini").write_text((project / "tox.ini").read_text().replace("runner = reflink\n", ""))
    said = run(too_old, project, "--notest", "-e", HERE)
    assert "virtualenv-reflink needs tox 4.22 or newer, and this is tox 4.11" in said
    assert "-m virtualenv_reflink install" not in said
    assert held(project) == {"first": "2.0", "sample": "1.0"}


@AT_LENGTH
def test_beside_a_tox_that_has_changed_one_sentence(newest: Path, project: Path) -> None:
    said = run_without(newest, "virtualenv_reflink.integrations.tox.environments", project, "config", "-k", "env_list")
    assert "this virtualenv-reflink is too old for tox" in said


@AT_LENGTH
@pytest.mark.parametrize("runner", ["reflink", "virtualenv"])
def test_beside_a_virtualenv_that_has_changed_one_sentence(
    newest: Path, project: Path, runner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUALENV_SEEDER", "reflink")
    (project / "tox.ini").write_text((project / "tox.ini").read_text().replace("reflink", runner))
    said = run_without(newest, "virtualenv_reflink.integrations.virtualenv.seeder", project, "run", "-e", HERE, code=1)
    assert "this virtualenv-reflink is too old for virtualenv" in said


def run_without(tox: Path, module: str, root: Path, *args: str, code: int = 0) -> str:
    changed = f"import sys; sys.modules[{module!r}] = None; from tox.run import run; run()"
    command = [tox.parent / "python", "-c", changed, *args]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("VIRTUALENV_LINK_MODE", "teleport", "reflink_link_mode is 'teleport', and must be one of auto, "),
        ("VIRTUALENV_OFFLINE", "maybe", "VIRTUALENV_OFFLINE cannot be used: 'maybe' is none of "),
        ("VIRTUALENV_REMEMBER_FOR", "nan", "VIRTUALENV_REMEMBER_FOR cannot be used: 'nan' is not a number of seconds"),
    ],
)
def test_a_variable_that_cannot_be_read(
    newest: Path, project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    write(project)
    monkeypatch.setenv(name, value)
    said = run(newest, project, "-e", HERE, code=1)
    assert told in said
    assert "could not find python interpreter" not in said


@pytest.fixture
def on_btrfs(project: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, on a btrfs with the wheel cache."""
    monkeypatch.setenv("VIRTUALENV_WHEEL_CACHE", str(place / "cache"))
    return Path(shutil.move(project, place / "project"))


def layers_in(place: Path, mode: str) -> list[set[str]]:
    """Return the distributions of each layer."""
    described = place.glob(f"cache/v*/layers/{mode}-*/layer.json")
    return [set(json.loads(path.read_text())["distributions"]) for path in described]


@ONCE
@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("mode", ["snapshot", "layer"])
def test_seeds_and_deps_come_as_one_layer(newest: Path, on_btrfs: Path, place: Path, mode: str) -> None:
    more = f"package = wheel\nreflink_link_mode = {mode}"
    write(on_btrfs, "first<2\n    second", more, "import first, pip, second")
    run(newest, on_btrfs, "-e", HERE)
    assert layers_in(place, mode) == [{"pip", "first", "second"}]
    environment = on_btrfs / ".tox" / HERE
    assert is_subvolume(str(site_packages(environment))) == (mode == "snapshot")
    # what is installed later comes file by file
    assert packages(environment).keys() == ({"sample"} if mode == "layer" else {"sample", "pip", "first", "second"})
    assert (environment / "bin" / f"pip-{sys.version_info.major}.{sys.version_info.minor}").exists()
    subprocess.run([environment / "bin" / "pip", "check"], check=True)
    # what tox knows of the environment is true
    assert "install_deps" not in run(newest, on_btrfs, "-e", HERE)
    write(on_btrfs, "first<2\n    second\n    third", more, "import first, pip, second, third")
    assert "install_deps" in run(newest, on_btrfs, "-e", HERE)
    assert len(layers_in(place, mode)) == 1
    assert "third" in packages(environment)
    write(on_btrfs, "second", more, "import pip, second")
    assert "requirements removed: " in run(newest, on_btrfs, "-e", HERE)
    assert {"pip", "second"} in layers_in(place, mode)
    assert "install_deps" not in run(newest, on_btrfs, "-e", HERE)


@AT_LENGTH
@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_what_is_made_anew_goes_as_a_whole(newest: Path, on_btrfs: Path, place: Path) -> None:
    write(on_btrfs, "first", "package = skip\nreflink_link_mode = snapshot")
    run(newest, on_btrfs, "-e", HERE)
    environment = on_btrfs / ".tox" / HERE
    # env_tmp_dir, and that of commands
    (environment / "tmp" / "left").write_text("left")
    made = os.listdir(on_btrfs / ".tox")
    with open(site_packages(environment) / "first.py", "rb") as stream:
        run(newest, on_btrfs, "-r", "-e", HERE)
        # in a subvolume that is deleted as a whole no file is unlinked
        assert os.fstat(stream.fileno()).st_nlink == 1
    assert is_subvolume(str(site_packages(environment)))
    assert os.listdir(environment / "tmp") == []
    assert os.listdir(on_btrfs / ".tox") == made
    assert len(layers_in(place, "snapshot")) == 1


@AT_LENGTH
@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
def test_without_deps_the_seeds_come_all_the_same(newest: Path, on_btrfs: Path, place: Path) -> None:
    more = "package = skip\nreflink_link_mode = snapshot"
    write(on_btrfs, "", more, "import pip")
    run(newest, on_btrfs, "-e", HERE)
    assert layers_in(place, "snapshot") == [{"pip"}]
    add(on_btrfs, "[dependency-groups]\nfew = ['second']\n")
    write(on_btrfs, "", f"{more}\ndependency_groups = few", "import pip, second")
    run(newest, on_btrfs, "-r", "-e", HERE)
    assert {"pip", "second"} in layers_in(place, "snapshot")
    # nothing is installed, so that nothing could bring them
    write(on_btrfs, "first", more, "import pip")
    run(newest, on_btrfs, "-r", "--skip-env-install", "-e", HERE)
    assert packages(on_btrfs / ".tox" / HERE).keys() == {"pip"}


@AT_LENGTH
def test_deps_that_fail_leave_the_seeds_to_the_next_run(tox: Path, project: Path) -> None:
    write(project, "first\n    missing", "package = skip", "import pip")
    run(tox, project, "-e", HERE, code=1)
    write(project, "first", "package = skip", "import first, pip")
    run(tox, project, "-e", HERE)
    assert packages(project / ".tox" / HERE).keys() == {"first", "pip"}


@AT_LENGTH
def test_a_seed_that_deps_ask_for_is_theirs(newest: Path, project: Path, index: Index) -> None:
    make_wheel(index.directory, {"pip/__init__.py": CODE, "pip/__main__.py": b""}, name="pip", version="99.0")
    write(project, "first\n    pip", "package = skip", "import first, pip")
    run(newest, project, "-e", HERE)
    assert packages(project / ".tox" / HERE)["pip"] == "99.0"


def test_sharing_memory_with_snapshots_is_refused_in_one_sentence(
    newest: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUALENV_SHARE_MEMORY", "1")
    write(project, more="package = skip\nreflink_link_mode = snapshot")
    assert "--share-memory is impossible with --link-mode snapshot" in run(newest, project, "-e", HERE, code=1)
