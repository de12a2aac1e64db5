"""``install --prefix``, ``--root`` and ``--user`` put packages where pip does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ONCE, Install, Run, bare, python_of, tree_digest
from tests.support.comparison import differences, lasting_differences, packages, site_packages
from tests.support.wheels import full_wheel, make_wheel
from virtualenv_reflink.provision.link_modes import LINK_MODES

pytestmark = ONCE

BASE = Path(os.path.realpath(sys.executable))
DEBIAN = Path("/usr/bin/python3")


def pip(python: Path, *words: object, code: int = 0, **variables: str) -> str:
    """What pip says that installs for an interpreter."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", *words]
    environ = {**os.environ, **variables}
    done = subprocess.run([*map(str, command)], env=environ, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(code), done.stdout + done.stderr
    return done.stderr


def wheels(directory: Path) -> tuple[Path, Path]:
    """Two wheels, one with files for every scheme."""
    return full_wheel(directory), make_wheel(directory, {"other/__init__.py": b"", "other/tool.py": b""}, name="other")


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("elsewhere", ["--prefix", "--root"])
def test_every_link_mode_fills_it_as_pip_does(place: Path, reflink: Run, elsewhere: str) -> None:
    environment, chosen = bare(place / "env"), wheels(place)
    below = str(environment)[1:] if elsewhere == "--root" else ""
    pip(python_of(environment), elsewhere, place / "theirs", *chosen)
    before = tree_digest(environment)
    for mode in LINK_MODES:
        words = ["-p", environment, "--wheel-cache", place / "cache", "--link-mode", mode, "--outcome", place / "json"]
        reflink("install", *words, elsewhere, place / mode, *chosen)
        (outcome,) = json.loads((place / "json").read_text())
        assert outcome["mode"] == {"auto": "clone", "snapshot": "clone", "layer": "hardlink"}.get(mode, mode)
        assert bool(outcome["reasons"]) is (mode in {"snapshot", "layer"})
        if outcome["mode"] == "hardlink":
            # which is read-only as the cache is
            for path in (place / mode).rglob("*"):
                path.chmod(path.stat().st_mode | 0o200)
        assert differences(place / mode / below, place / "theirs" / below) == []
        assert (place / mode / below / "bin" / "sample").read_text().startswith(f"#!{python_of(environment)}\n")
        assert not list((place / mode).rglob(".virtualenv-reflink*"))
    assert tree_digest(environment) == before


@pytest.mark.parametrize(
    ("python", "words", "library"),
    [
        (BASE, ["--root", "PLACE", "--prefix", "/opt/tool"], "opt/tool/lib/python3.13/site-packages"),
        # whose own scheme is another one, which is not that of a prefix
        (DEBIAN, ["--prefix", "PLACE"], "lib/python3.*/site-packages"),
        (DEBIAN, ["--root", "PLACE"], "usr/local/lib/python3.*/dist-packages"),
    ],
)
def test_schemes_of_interpreters(
    tmp_path: Path, install: Install, python: Path, words: list[str], library: str
) -> None:
    scheme = [python, "-c", "import sysconfig; print(getattr(sysconfig, 'get_default_scheme', str)())"]
    if python is DEBIAN and (
        not python.exists() or subprocess.check_output(scheme, text=True).strip() != "posix_local"
    ):
        pytest.skip("there is no Python with Debian's schemes")
    found = {}
    for name in ("ours", "theirs"):
        place = tmp_path / name
        asked = [word.replace("PLACE", str(place)) for word in words]
        install(*asked, *wheels(tmp_path), into=python) if name == "ours" else pip(python, *asked, *wheels(tmp_path))
        assert list(place.glob(f"{library}/sample/__init__.py"))
        found[name] = {path for path in tree_digest(place) if not path.endswith(".pyc")}
    assert found["ours"] == found["theirs"]


def test_an_error_leaves_both_places_as_they_were(tmp_path: Path, install: Install, environment: Path) -> None:
    install(full_wheel(tmp_path))
    prefix = tmp_path / "deep" / "prefix"
    newer = make_wheel(tmp_path, {"sample/__init__.py": b"new", "new.py": b""}, version="2.0")
    before = tree_digest(environment)
    (tmp_path / "deep").mkdir()
    (prefix / "lib" / "python3.13" / "site-packages" / "new.py").mkdir(parents=True)
    assert "new.py" in install("--prefix", prefix, newer, code=1).stderr
    assert tree_digest(environment) == before
    assert packages(environment) == {"sample": "1.0"}
    install("--dry-run", "--prefix", tmp_path / "other" / "prefix", newer)
    assert not (tmp_path / "other").exists()


def test_a_prefix_that_is_the_environment(tmp_path: Path, install: Install, environment: Path) -> None:
    install(full_wheel(tmp_path))
    (tmp_path / "link").symlink_to(environment)
    newer = make_wheel(tmp_path, {"sample/__init__.py": b"new"}, version="2.0")
    install("--prefix", tmp_path / "link", newer)
    assert packages(environment) == {"sample": "2.0"}
    assert not (site_packages(environment) / "sample" / "data.txt").exists()


@pytest.mark.parametrize("of_environment", [False, True])
def test_packages_of_the_user(tmp_path: Path, install: Install, of_environment: bool) -> None:
    python = BASE
    if of_environment:
        subprocess.run([BASE, "-m", "venv", "--without-pip", "--system-site-packages", tmp_path / "env"], check=True)
        python = python_of(tmp_path / "env")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    one, other = wheels(tmp_path)
    newer = make_wheel(tmp_path, {"sample/__init__.py": b"new"}, version="2.0")
    variables = {**os.environ, "PYTHONUSERBASE": str(ours)}
    for words in ([one, other], [newer], ["--force-reinstall", one]):
        install("--user", *words, into=python, env=variables)
        pip(python, "--user", *words, PYTHONUSERBASE=str(theirs))
        assert lasting_differences(ours, theirs) == []
    said = install("sample", "--no-index", into=python, env={**variables, "PIP_USER": "1"}).stdout
    assert "installed already" in said


def test_an_environment_of_which_the_user_has_no_packages(
    tmp_path: Path, install: Install, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = full_wheel(tmp_path)
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "user"))
    pip(python_of(environment), "--user", wheel, code=1)
    said = install("--user", wheel, code=1).stderr
    assert said.count("\n") == 1
    assert "--user cannot be used" in said
    monkeypatch.setenv("PIP_USER", "yes")
    assert "--user cannot be used" in install(wheel, code=1).stderr
    install("--no-user", wheel)
    assert not (tmp_path / "user").exists()


@pytest.mark.parametrize(
    "words",
    [["--user", "--prefix", "p"], ["--user", "--target", "t"], ["--prefix", "p", "--target", "t"]],
    ids=" ".join,
)
def test_places_that_contradict_each_other(
    tmp_path: Path, install: Install, environment: Path, words: list[str]
) -> None:
    wheel = full_wheel(tmp_path)
    pip(python_of(environment), *words, wheel, code=1)
    said = install(*words, wheel, code=1, cwd=tmp_path).stderr
    assert said.count("\n") == 1
    assert words[0] in said
    assert words[2] in said
    assert not list(tmp_path.glob("[pt]"))


def test_variables_say_the_same(
    tmp_path: Path, install: Install, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = full_wheel(tmp_path)
    monkeypatch.setenv("PIP_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("PIP_PREFIX", "/opt")
    install(wheel)
    assert (tmp_path / "root" / "opt" / "bin" / "sample").exists()
    # what pip is run for is not put there
    project = tmp_path / "project"
    project.mkdir()
    (project / "setup.py").write_text("from setuptools import setup; setup(name='plain', py_modules=['plain'])")
    (project / "plain.py").write_text("")
    install("-e", project)
    assert list((tmp_path / "root" / "opt").glob("lib/python3.13/site-packages/plain-*.dist-info"))
    install("--isolated", wheel)
    assert (environment / "bin" / "sample").exists()


def test_the_configuration_of_the_environment_counts(
    tmp_path: Path, install: Install, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("PIP_CONFIG_FILE", "PIP_USER"):
        # tox sets the latter
        monkeypatch.delenv(variable, raising=False)
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path, {"sample.py": version.encode()}, version=version)
    (tmp_path / "constraints.txt").write_text("sample<2\n")
    words = ["--no-index", "--find-links", tmp_path, "sample"]
    for number, (constraint, expected) in enumerate(
        [("", b"2.0"), (f"constraint = {tmp_path}/constraints.txt", b"1.0")]
    ):
        place = tmp_path / str(number)
        (environment / "pip.conf").write_text(f"[install]\n{constraint}\ntarget = {place}\nno-deps = true\n")
        install(*words)
        assert (place / "sample.py").read_bytes() == expected
    # the command line and variables outweigh it
    (environment / "pip.conf").write_text(f"[global]\nprefix = {tmp_path}/prefix\ndry-run = yes\n")
    assert "Would install" in install(*words).stdout
    monkeypatch.setenv("PIP_DRY_RUN", "no")
    install("--prefix", tmp_path / "other", *words)
    assert list((tmp_path / "other").glob("lib/*/site-packages/sample.py"))
    assert not (tmp_path / "prefix").exists()
    (environment / "pip.conf").write_text("[install]\nuser = true\n")
    pip(python_of(environment), *words, code=1)
    assert "--user cannot be used" in install(*words, code=1).stderr
    assert packages(environment) == {}


@pytest.mark.parametrize("elsewhere", ["--target", "target"])
def test_an_editable_project_goes_there_with_a_true_record(tmp_path: Path, install: Install, elsewhere: str) -> None:
    project, place = tmp_path / "project", tmp_path / "place"
    project.mkdir()
    (project / "tool.py").write_text("def main():\n    print('it runs')\n")
    (project / "pyproject.toml").write_text(
        "[project]\nname = 'tool'\nversion = '1.0'\nscripts.tool = 'tool:main'\n"
        "[tool.setuptools]\npy-modules = ['tool']\n"
    )
    if elsewhere == "target":
        (tmp_path / "pip.conf").write_text(f"[install]\ntarget = {place}\n")
        install("-e", project, env={**os.environ, "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")})
    else:
        install("-e", project, elsewhere, place)
    (record,) = place.rglob("tool-1.0.dist-info/RECORD")
    library = record.parents[1]
    listed = [line.partition(",")[0] for line in record.read_text().splitlines()]
    assert {(library / path).resolve() for path in listed} == {path for path in place.rglob("*") if path.is_file()}
    script = [place / "bin" / "tool"]
    assert subprocess.check_output(script, env={"PYTHONPATH": str(project)}, text=True) == "it runs\n"
