"""How interpreters of all versions find a layer when they start."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run, python_of
from tests.support.interpreters import VERSIONS, base_with, interpreter
from tests.support.wheels import make_wheel
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.environment.environment import Environment
from virtualenv_reflink.errors import ReflinkError
from virtualenv_reflink.layers.startup import startup_of
from virtualenv_reflink.requirements.bundled import bundled_wheel

pytestmark = ONCE

EVERY_VERSION = pytest.mark.parametrize("version", VERSIONS)
WITH_START_FILES = pytest.mark.parametrize("version", ["3.15"])
HOOK = b"import sys; sys.from_pth = getattr(sys, 'from_pth', 0) + 1\nmore\n"


@pytest.fixture
def python(version: str) -> Path:
    return interpreter(version)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with a .pth file that runs a line and adds a directory."""
    return make_wheel(
        tmp_path, {"sample.py": b"here = 'layer'", "sample.pth": HOOK, "more/added.py": b"here = 'layer'"}
    )


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A wheel with nothing that is run when Python starts."""
    return make_wheel(tmp_path, {"plain.py": b"here = 'layer'"}, name="plain")


def made(reflink: Run, python: Path, environment: Path, *wheels: Path, cache: Path | None = None) -> Path:
    """Make an environment with wheels in a layer."""
    words = [word for wheel in wheels for word in ("--with", wheel)]
    place = cache or environment.parent / "cache"
    options = ["--wheel-cache", place, "--link-mode", "layer", "--without-pip", "-p", python]
    reflink("venv", *options, *words, environment)
    return environment


def says(environment: Path, code: str, *options: str, **variables: str) -> str:
    """Return all that the interpreter of an environment prints."""
    command = [python_of(environment), *options, "-c", code]
    variables = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=variables)
    return done.stdout + done.stderr


def names(environment: Path) -> set[str]:
    (library,) = environment.glob("lib/*/site-packages")
    return {path.name for path in library.iterdir()} - {"__pycache__"}


@EVERY_VERSION
def test_it_starts_in_silence(python: Path, tmp_path: Path, wheel: Path, plain: Path, reflink: Run) -> None:
    only_plain = made(reflink, python, tmp_path / "plain-env", plain)
    environment = made(reflink, python, tmp_path / "env", wheel)
    layers = set(tmp_path.glob("cache/v*/layers/*/tree/**/*"))
    for options in ([], ["-I"], ["-s"], ["-W", "error"], ["-X", "dev"]):
        assert says(only_plain, "import plain; print(plain.here)", *options) == "layer\n"
        assert says(environment, "import sys, sample, added; print(sys.from_pth, added.here)", *options) == "1 layer\n"
    assert says(only_plain, "", "-S") == says(environment, "", "-S") == ""
    assert "deprecated" not in says(only_plain, "", "-v")
    assert set(tmp_path.glob("cache/v*/layers/*/tree/**/*")) == layers


@EVERY_VERSION
def test_the_layer_comes_before_the_packages_of_the_system(
    python: Path, tmp_path: Path, wheel: Path, plain: Path, reflink: Run
) -> None:
    base = base_with(python, tmp_path / "base", "plain", "here = 'system'")
    for added in ("sample", "added"):
        for place in (tmp_path / "base").glob("lib/*/*-packages"):
            (place / f"{added}.py").write_text("here = 'system'")
    assert subprocess.check_output([base, "-c", "import plain; print(plain.here)"], text=True) == "system\n"
    options = ["--wheel-cache", tmp_path / "cache", "--link-mode", "layer", "--without-pip", "--system-site-packages"]
    for number, wheels in enumerate([[plain], [plain, wheel]]):
        words = [word for each in wheels for word in ("--with", each)]
        reflink("venv", *options, "-p", base, *words, tmp_path / f"env-{number}")
        assert says(tmp_path / f"env-{number}", "import plain; print(plain.here)") == "layer\n"
    assert says(tmp_path / "env-1", "import sample, added; print(sample.here, added.here)") == "layer layer\n"


@EVERY_VERSION
def test_a_missing_layer_is_one_line(python: Path, tmp_path: Path, wheel: Path, plain: Path, reflink: Run) -> None:
    for number, wheels in enumerate([[plain], [plain, wheel]]):
        environment = made(reflink, python, tmp_path / str(number) / "env", *wheels)
        (layer,) = (tmp_path / str(number)).glob("cache/v*/layers/*")
        shutil.rmtree(layer)
        for options in ([], ["-I"], ["-W", "error"], ["-X", "dev"]):
            said = says(environment, "print('started')", *options)
            (told,) = [line for line in said.splitlines() if line != "started"]
            assert f"{layer}/tree " in told
            assert "started\n" in said


@EVERY_VERSION
@pytest.mark.parametrize("place", ["josé", "日本", os.fsdecode(b"jos\xe9"), "line\nbreak", "two  spaces # %s {layer}"])
def test_any_path_of_the_cache(
    python: Path, tmp_path: Path, wheel: Path, plain: Path, place: str, reflink: Run
) -> None:
    environment = made(reflink, python, tmp_path / "env", wheel, plain, cache=tmp_path / place)
    code = "import sys, sample, plain, added; print(sys.from_pth, plain.here)"
    # PyPy complains of any locale that is not installed
    missing = [] if "pypy" in python.name else [{"LC_ALL": "xx_YY.UTF-8"}]
    for variables in [{}, {"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, *missing]:
        assert says(environment, code, **variables) == "1 layer\n"
    (library,) = environment.glob("lib/*/site-packages")
    assert all(path.read_bytes().isascii() for path in library.glob("*.pth"))


@EVERY_VERSION
def test_the_hook_of_setuptools_is_kept(python: Path, tmp_path: Path, plain: Path, reflink: Run) -> None:
    release = subprocess.check_output([python, "-c", "import sys; print(*sys.version_info[:3])"], text=True)
    major, minor, micro = map(int, release.split())
    setuptools = bundled_wheel(WheelCache(tmp_path / "cache"), "setuptools", (major, minor, micro))
    environment = made(reflink, python, tmp_path / "env", plain, setuptools)
    for options in ([], ["-I"], ["-X", "dev"]):
        assert "setuptools/_distutils" in says(environment, "import distutils; print(distutils.__file__)", *options)


@EVERY_VERSION
def test_nothing_of_it_stays(python: Path, tmp_path: Path, wheel: Path, plain: Path, reflink: Run) -> None:
    cache, place = tmp_path / "josé", tmp_path / "env"
    options = ["--wheel-cache", cache, "-p", place]
    subprocess.run([python, "-m", "venv", "--without-pip", place], check=True)
    before = names(place)
    own = make_wheel(tmp_path, {"mine": b""}, name="mine")
    (place / "bin" / "mine").write_text("mine")
    in_the_way = make_wheel(tmp_path, {"m.pth": HOOK}, name="m", entry_points="[console_scripts]\nmine = m:main\n")
    reflink("install", *options, "--link-mode", "layer", in_the_way, code=1)
    assert names(place) == before
    reflink("install", *options, "--link-mode", "layer", wheel, plain)
    assert "_virtualenv_reflink_layer.pth" in names(place)
    reflink("install", *options, own)
    reflink("eject", "--wheel-cache", cache, place, "plain")
    assert says(place, "import sample, plain, added; print(plain.here)") == "layer\n"
    reflink("eject", "--wheel-cache", cache, place)
    assert not [name for name in names(place) if name.startswith("_virtualenv_reflink")]
    assert says(place, "import sample, plain, added; print(plain.here)") == "layer\n"


@WITH_START_FILES
def test_start_files_of_a_layer(python: Path, tmp_path: Path, plain: Path, reflink: Run) -> None:
    source = b"import sys\ncalls = []\ndef main():\n    sys.started = getattr(sys, 'started', 0) + 1\n"
    both = make_wheel(
        tmp_path,
        {"begun.py": source, "begun.start": b"begun:main\n", "begun.pth": b"import sys; sys.from_pth = 1"},
        name="begun",
    )
    environment = made(reflink, python, tmp_path / "env", plain, both)
    assert says(environment, "import sys; print(sys.started, hasattr(sys, 'from_pth'))") == "1 False\n"
    assert "deprecated" not in says(environment, "", "-v")


@pytest.mark.parametrize("version", [(3, 15, 0), (3, 18, 0), (3, 20, 1), (4, 0, 0)])
def test_no_line_is_run_from_python_3_15_on(tmp_path: Path, version: tuple[int, int, int]) -> None:
    for place in (tmp_path, tmp_path / "josé"):
        environment = Environment(place, place, place, version, *[place] * 6)
        lines = list(startup_of(place / "tree", environment, place / "note").files.values())
        assert lines
        assert not [line for line in lines if line.startswith(b"import")]


def test_a_python_newer_than_what_virtualenv_bundles_for(tmp_path: Path) -> None:
    cache = WheelCache(tmp_path / "cache")
    assert bundled_wheel(cache, "pip", (3, 99, 0)).name.startswith("pip-")
    with pytest.raises(ReflinkError, match="bundles no pip for Python 3"):
        bundled_wheel(cache, "pip", (3, 5, 0))
