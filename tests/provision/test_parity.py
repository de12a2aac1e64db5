"""Environments made here against those that pip and virtualenv's default seeder make."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ONCE, THE_ONE_PYTHON, Run, python_of
from tests.support.comparison import differences, facts, site_packages
from tests.support.interpreters import THIS, VERSIONS, interpreter
from tests.support.wheels import make_wheel

# One Python makes environments of all others, and has the large wheels; the others make their own.
PYTHONS = [version for version in VERSIONS if not version.endswith("d")] if THE_ONE_PYTHON else [THIS]
LARGE = ["black", "jupyterlab", "setuptools", "botocore", "jmespath"] if THE_ONE_PYTHON else []


def run(*command: object, **kwargs: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **kwargs)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    output: str = done.stdout
    return output


def pip(environment: Path, *args: object, **kwargs: object) -> str:
    return run(sys.executable, "-m", "pip", "--quiet", "--python", python_of(environment), *args, **kwargs)


def listing(environment: Path) -> set[str]:
    """Every path below an environment, but for what running Python in it adds to its own start-up."""
    return {str(path.relative_to(environment)) for path in environment.rglob("*") if "_virtualenv" not in path.name}


def wheel_of(wheelhouse: Path, name: str) -> Path:
    (wheel,) = wheelhouse.glob(f"{name}-*.whl")
    return wheel


@pytest.mark.parametrize("version", PYTHONS)
@pytest.mark.parametrize("creator", [["builtin"], ["venv"], ["builtin", "--copies"]], ids=" ".join)
def test_equals_what_the_default_seeder_gives(
    tmp_path: Path, cache: Path, virtualenv: Run, version: str, creator: list[str]
) -> None:
    options = ["-p", interpreter(version), "--setuptools", "bundle", "--creator", *creator]
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    virtualenv(*options, "--wheel-cache", cache, ours)
    virtualenv(*options, theirs, seeder="app-data")
    assert {path.name for path in (ours / "bin").iterdir()} == {path.name for path in (theirs / "bin").iterdir()}
    lists = [run(env / "bin" / "pip", "list", "--format=json", "-v") for env in (ours, theirs)]
    names = [{(package["name"], package["version"]) for package in json.loads(text)} for text in lists]
    assert names[0] == names[1]
    run(ours / "bin" / f"pip{version.removeprefix('pypy').removesuffix('t')}", "check")


def made_wheel(directory: Path) -> Path:
    files = {
        "sample/__init__.py": b"def main():\n    print('sample runs')\n",
        "sample/données.txt": "été".encode(),
        "sample/tool.sh": b"#!/bin/sh\n",
        "sample/broken.py": b"this is not python\n",
        "sample-1.0.data/scripts/sample-script": b"#!python\nimport sample\nsample.main()\n",
        "sample-1.0.data/scripts/sample_module.py": b"#!python -E\nimport sample\nsample.main()\n",
        "sample-1.0.data/scripts/sample_module.pyw": b"#!python\nimport sample\n",
        "sample-1.0.data/scripts/sample_module-1.2.py": b"#!python\nimport sample\nsample.main()\n",
        "sample-1.0.data/scripts/sample.sh": b"#!/bin/sh\necho sample\n",
        "sample-1.0.data/headers/sample.h": b"#define SAMPLE 1\n",
        "sample-1.0.data/data/share/sample/data.txt": b"data\n",
        "sample-1.0.data/purelib/sample_pure.py": b"pure = True\n",
        "sample-1.0.data/platlib/sample_plat.py": b"plat = True\n",
    }
    executable = ("sample/tool.sh", "sample-1.0.data/scripts/sample-script", "sample-1.0.data/scripts/sample_module.py")
    return make_wheel(directory, files, entry_points="[console_scripts]\nsample = sample:main\n", executable=executable)


def large_wheel(directory: Path) -> Path:
    files = {f"sample/part{number % 50}/module{number}.py": f"number = {number}\n".encode() for number in range(5000)}
    return make_wheel(directory, files)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can enter directories made under such a umask")


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002, pytest.param(0o137, marks=needs_root)])
@pytest.mark.usefixtures("core")
def test_a_wheel_with_everything_equals_what_pip_installs(
    tmp_path: Path, cache: Path, virtualenv: Run, umask: int
) -> None:
    compare(made_wheel(tmp_path), tmp_path, cache, virtualenv, umask)


@ONCE
@pytest.mark.usefixtures("core")
def test_a_wheel_of_5000_files_equals_what_pip_installs(tmp_path: Path, cache: Path, virtualenv: Run) -> None:
    compare(large_wheel(tmp_path), tmp_path, cache, virtualenv)


@pytest.mark.parametrize("name", ["numpy", "greenlet", *LARGE])
def test_a_real_wheel_equals_what_pip_installs(
    tmp_path: Path, cache: Path, wheelhouse: Path, virtualenv: Run, name: str
) -> None:
    compare(wheel_of(wheelhouse, name), tmp_path, cache, virtualenv)


def compare(wheel: Path, tmp_path: Path, cache: Path, virtualenv: Run, umask: int = 0o022) -> None:
    """Install ``wheel`` by both and compare."""
    ours, theirs = tmp_path / "ours" / "env", tmp_path / "pips" / "env"
    for environment in (ours, theirs):
        virtualenv("--no-seed", environment)
        # older releases of virtualenv put a module there, which any start of the interpreter compiles
        run(python_of(environment), "-c", "")
    virtualenv("--no-pip", "--setuptools", "none", "--wheel-cache", cache, "--with", wheel, ours, umask=umask)
    pip(theirs, "install", wheel, umask=umask)
    assert differences(ours, theirs) == []


@ONCE
def test_uninstalling_everything_leaves_no_more_than_after_pip(
    tmp_path: Path, cache: Path, wheelhouse: Path, virtualenv: Run
) -> None:
    names = ["numpy", "greenlet", *LARGE]
    wheels = [wheel_of(wheelhouse, name) for name in names]
    left = []
    for installer in ("ours", "pip"):
        environment = tmp_path / installer
        virtualenv("--no-seed", environment)
        before = listing(environment)
        if installer == "ours":
            options = [option for wheel in wheels for option in ("--with", wheel)]
            virtualenv("--wheel-cache", cache, "--setuptools", "none", *options, environment)
        else:
            pip(environment, "install", "pip", *wheels)
        installed = json.loads(run(environment / "bin" / "pip", "list", "--format=json"))
        pip(environment, "uninstall", "-y", *(package["name"] for package in installed))
        left.append(listing(environment) - before)
    assert left[0] == left[1]
    assert [path for path in left[0] if not (tmp_path / "ours" / path).is_dir()] == []
    assert [path for path in left[0] if path.startswith(("lib", "bin"))] == []


def test_upgrading_with_pip_works(tmp_path: Path, cache: Path, virtualenv: Run) -> None:
    environment = tmp_path / "env"
    old = make_wheel(tmp_path, {"sample.py": b"version = 1\n", "sample_old.py": b""})
    new = make_wheel(tmp_path, {"sample.py": b"version = 2\n"}, version="2.0")
    virtualenv("--wheel-cache", cache, "--with", old, environment)
    assert run(python_of(environment), "-c", "import sample; print(sample.version)") == "1\n"
    run(environment / "bin" / "pip", "install", "--no-index", "-U", new)
    assert run(python_of(environment), "-c", "import sample; print(sample.version)") == "2\n"
    assert not (site_packages(environment) / "sample_old.py").exists()
    run(environment / "bin" / "pip", "check")


def test_upgrading_from_the_index_works(tmp_path: Path, cache: Path, wheelhouse: Path, virtualenv: Run) -> None:
    environment, latest = tmp_path / "env", wheel_of(wheelhouse, "six").name.split("-")[1]
    run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", tmp_path, "six==1.15.0")
    virtualenv("--wheel-cache", cache, "--extra-search-dir", tmp_path, "--with", "six==1.15.0", environment)
    assert run(python_of(environment), "-c", "import six; print(six.__version__)") == "1.15.0\n"
    run(environment / "bin" / "pip", "install", "--no-index", "--find-links", wheelhouse, "-U", "six")
    assert run(python_of(environment), "-c", "import six; print(six.__version__)") == f"{latest}\n"
    assert [path.name for path in site_packages(environment).glob("six-*")] == [f"six-{latest}.dist-info"]


def test_seeding_twice_gives_the_same(tmp_path: Path, cache: Path, virtualenv: Run) -> None:
    environment = tmp_path / "env"
    command = ["--wheel-cache", cache, "--with", made_wheel(tmp_path), environment]
    virtualenv(*command)
    before = facts(environment), listing(environment)
    (site_packages(environment) / "sample" / "__init__.py").write_text("changed = True\n")
    virtualenv(*command)
    assert (facts(environment), listing(environment)) == before
    run(environment / "bin" / "pip", "check")


def test_seeding_again_replaces_what_is_there(tmp_path: Path, cache: Path, virtualenv: Run) -> None:
    environment = tmp_path / "env"
    old = make_wheel(tmp_path, {"sample.py": b"version = 1\n", "sample_old/inner.py": b""})
    new = make_wheel(tmp_path, {"sample.py": b"version = 2\n"}, version="2.0")
    virtualenv("--wheel-cache", cache, "--with", old, environment)
    run(python_of(environment), "-c", "import sample_old.inner")
    virtualenv("--wheel-cache", cache, "--with", new, environment)
    assert not (site_packages(environment) / "sample_old").exists()
    assert run(python_of(environment), "-c", "import sample; print(sample.version)") == "2\n"
    virtualenv(environment, seeder="app-data")
    virtualenv("--wheel-cache", cache, environment)
    run(environment / "bin" / "pip", "check")


@pytest.mark.parametrize("name", ["with space", "long" * 40], ids=["space", "long"])
def test_scripts_run_from_any_path(tmp_path: Path, cache: Path, virtualenv: Run, name: str) -> None:
    environment = tmp_path / name
    virtualenv("--wheel-cache", cache, "--with", made_wheel(tmp_path), environment)
    for script in ("sample", "sample-script", "sample_module.py"):
        assert run(environment / "bin" / script) == "sample runs\n"
    run(environment / "bin" / "pip", "--version")


def test_bytecode_from_the_cache_is_used_as_it_is(
    tmp_path: Path, cache: Path, wheelhouse: Path, virtualenv: Run
) -> None:
    environment = tmp_path / "env"
    wheels = ["--extra-search-dir", wheelhouse, "--with", made_wheel(tmp_path), "--with", "jmespath"]
    virtualenv("--wheel-cache", cache, *wheels, environment)

    def bytecode() -> dict[str, tuple[int, int]]:
        compiled = [*site_packages(environment).rglob("*.pyc"), *(environment / "bin").rglob("*.pyc")]
        return {
            str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in compiled
            if "_virtualenv" not in path.name
        }

    before = bytecode()
    assert len(before) > 400
    run(environment / "bin" / "pip", "--version")
    run(python_of(environment), "-c", "import sample, sample_pure, sample_plat, jmespath.functions")
    load = "import sys; from importlib.machinery import SourceFileLoader as F; F('m', sys.argv[1]).get_code('m')"
    for script in ("sample_module.py", "sample_module-1.2.py"):
        run(python_of(environment), "-c", load, environment / "bin" / script)
    assert bytecode() == before


def test_bytecode_can_be_left_out(tmp_path: Path, cache: Path, virtualenv: Run) -> None:
    virtualenv("--wheel-cache", cache, "--no-compile-bytecode", tmp_path / "env")
    assert not list((site_packages(tmp_path / "env") / "pip").rglob("*.pyc"))
    assert ".pyc" not in next(site_packages(tmp_path / "env").glob("pip-*/RECORD")).read_text()


@pytest.mark.parametrize("wanted", ["six", "six=={version}", "Six>=1"])
def test_with_finds_wheels_by_name(tmp_path: Path, cache: Path, wheelhouse: Path, virtualenv: Run, wanted: str) -> None:
    version = wheel_of(wheelhouse, "six").name.split("-")[1]
    options = ["--wheel-cache", cache, "--extra-search-dir", wheelhouse, "--with", wanted.format(version=version)]
    done = virtualenv(*options, tmp_path / "env")
    assert f"six=={version}" in done.stdout


@pytest.mark.parametrize("wanted", ["six==0.1", "no-such-name"])
def test_with_that_finds_nothing_is_an_error(
    tmp_path: Path, cache: Path, wheelhouse: Path, virtualenv: Run, wanted: str
) -> None:
    options = ["--wheel-cache", cache, "--extra-search-dir", wheelhouse, "--with", wanted]
    done = virtualenv(*options, tmp_path / "env", code=1)
    assert f"ERROR: No matching distribution found for {wanted}" in done.stdout + done.stderr


@pytest.mark.parametrize("where", ["environment", "configuration file", "both"])
def test_options_come_from_the_environment_and_from_the_configuration_file(
    tmp_path: Path, cache: Path, wheelhouse: Path, where: str
) -> None:
    settings = {"seeder": "reflink", "link_mode": "copy", "wheel_cache": str(cache), "with": "six,jmespath"}
    settings |= {"extra_search_dir": str(wheelhouse), "no_compile_bytecode": "1"}
    configured = {} if where == "environment" else settings
    if where == "both":
        configured = settings | {"link_mode": "hardlink", "with": "no-such-name"}
    configuration = tmp_path / "virtualenv.ini"
    configuration.write_text("\n".join(["[virtualenv]", *(f"{key} = {value}" for key, value in configured.items())]))
    environ = {**os.environ, "VIRTUALENV_CONFIG_FILE": str(configuration)}
    if where != "configuration file":
        environ |= {f"VIRTUALENV_{key.upper()}": value for key, value in settings.items()}
    said = run(sys.executable, "-m", "virtualenv", tmp_path / "env", env=environ)
    for expected in ("via=copy", "six==", "jmespath==", f"wheel_cache={cache}"):
        assert expected in said
    assert not list((site_packages(tmp_path / "env") / "jmespath").rglob("*.pyc"))
    environ["VIRTUALENV_LINK_MODE"] = "teleport"
    command = [sys.executable, "-m", "virtualenv", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 1
    assert "there is no link mode 'teleport'; choose from auto, clone" in done.stdout + done.stderr


def test_a_seed_that_cannot_be_had_is_an_error(tmp_path: Path, cache: Path, virtualenv: Run) -> None:
    done = virtualenv("--wheel-cache", cache, "--pip", "0.0.0.1", tmp_path / "env", code=1)
    assert (
        "ReflinkError: pip 0.0.0.1 cannot be downloaded: ERROR: No matching distribution" in done.stdout + done.stderr
    )
    assert "Traceback" not in done.stdout + done.stderr


def test_options_of_the_default_seeder_keep_their_meaning(tmp_path: Path, cache: Path, virtualenv: Run) -> None:
    virtualenv("--wheel-cache", cache, "--no-pip", tmp_path / "no-pip")
    virtualenv("--wheel-cache", cache, "--no-seed", tmp_path / "no-seed")
    for name in ("no-pip", "no-seed"):
        assert not (site_packages(tmp_path / name) / "pip").exists()
    done = virtualenv("--wheel-cache", cache, "--pip", "25.0", "--setuptools", "75.0.0", tmp_path / "pinned")
    assert "pip==25.0, setuptools==75.0.0" in done.stdout
    virtualenv("--wheel-cache", cache, "--read-only-app-data", tmp_path / "read-only")
    assert (tmp_path / "read-only" / "bin" / "pip").exists()
    done = virtualenv("--wheel-cache", cache, "--download", tmp_path / "downloaded")
    assert "download=True" in done.stdout


@ONCE
def test_the_oldest_virtualenv(beside: Callable[..., Path], tmp_path: Path, cache: Path) -> None:
    old = beside("virtualenv==20.31.0") / "virtualenv"
    assert "virtualenv 20.31.0" in run(old, "--version")
    run(old, "--seeder", "reflink", "--wheel-cache", cache, "--with", "attrs", tmp_path / "env")
    for package in ("pip", "attrs"):
        (installer,) = site_packages(tmp_path / "env").glob(f"{package}-*.dist-info/INSTALLER")
        assert installer.read_text() == "virtualenv-reflink\n"
