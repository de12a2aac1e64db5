"""uv resolves what pip resolves, is told all that pip is told, and refuses by name what it cannot be told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ONCE, Install, Run, bare
from tests.requirements.test_origins import sdist
from tests.support.comparison import direct_urls, packages
from tests.support.index import Index
from tests.support.projects import make_project
from tests.support.wheels import make_wheel

pytestmark = ONCE

SECRET = "s3cr3t-pa55"
Both = Callable[..., dict[str, str]]


@pytest.fixture(autouse=True)
def _no_pip_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def both(tmp_path: Path, own_cache: Path, reflink: Run) -> Both:
    """Install with both resolvers, in steps, one list of words each; return what uv's environment holds."""

    def run(*steps: list[object]) -> dict[str, str]:
        found = {}
        for resolver, wheel_cache in (("pip", own_cache), ("uv", tmp_path / "cache-uv")):
            env = bare(tmp_path / f"env-{resolver}")
            for words in steps:
                cache = ["--wheel-cache", wheel_cache, "--no-compile-bytecode"]
                reflink("install", "--resolver", resolver, *cache, "-p", env, *words)
            found[resolver] = packages(env), direct_urls(env), requested(env)
        assert found["uv"] == found["pip"]
        return found["uv"][0]

    return run


def requested(env: Path) -> set[str]:
    """Return the names of the distributions that were asked for (PEP 376)."""
    return {path.parent.name for path in env.glob("lib/python*/site-packages/*.dist-info/REQUESTED")}


def test_versions_are_those_of_pip(index: Index, both: Both, tmp_path: Path) -> None:
    for version in ("1.0", "1.5", "2.0", "2.1b1"):
        make_wheel(index.directory, {"base.py": b""}, name="base", version=version)
    make_wheel(index.directory, {"top.py": b""}, name="top", metadata="Requires-Dist: base>=1.2\n")
    make_wheel(index.directory, {"old.py": b""}, name="old", metadata="Requires-Dist: base<2\n")
    more = "Provides-Extra: more\nRequires-Dist: top; extra == 'more'\n"
    make_wheel(index.directory, {"wide.py": b""}, name="wide", metadata=more)
    (tmp_path / "c.txt").write_text("base!=1.5\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "r.txt").write_text("top # why\n-c ../c2.txt\nold ; python_version < '3'\n")
    (tmp_path / "c2.txt").write_text("base \\\n  <2\n")
    assert both(["wide[more]", "old"]) == {"wide": "1.0", "top": "1.0", "old": "1.0", "base": "1.5"}
    for words in (["top"], ["top", "-c", "c.txt"], ["-r", "sub/r.txt"], ["top", "--pre"], ["top", "--no-deps"]):
        shutil.rmtree(tmp_path / "env-pip")
        shutil.rmtree(tmp_path / "env-uv")
        both(words)


def test_what_is_installed_stays_where_it_fits(index: Index, both: Both) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(index.directory, {"base.py": b""}, name="base", version=version)
    make_wheel(index.directory, {"top.py": b""}, name="top", metadata="Requires-Dist: base\n")
    make_wheel(index.directory, {"new.py": b""}, name="new", metadata="Requires-Dist: base>1\n")
    before: list[object] = ["base==1.0"]
    assert both(before, ["top"])["base"] == "1.0"
    assert both(["top", "-U"])["base"] == "1.0"
    assert both(["top", "-U", "--upgrade-strategy", "eager"])["base"] == "2.0"
    assert both(before, ["new"])["base"] == "2.0"
    assert both(before, ["--force-reinstall", "top"])["base"] == "2.0"


def test_places_on_this_machine(index: Index, both: Both, tmp_path: Path) -> None:
    make_wheel(tmp_path, {"direct.py": b""}, name="direct")
    make_wheel(tmp_path, {"bare.py": b""}, name="bare")
    make_project(tmp_path / "a project")
    make_project(tmp_path / "editable", name="editable")
    make_project(tmp_path / "cloned", name="cloned")
    sdist(make_project(tmp_path / "source"), index.directory)
    git = ["git", "-C", tmp_path / "cloned", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    found = both(
        [
            *(f"direct @ {(tmp_path / 'direct-1.0-py3-none-any.whl').as_uri()}", "bare-1.0-py3-none-any.whl"),
            *("./a project", f"cloned @ git+{(tmp_path / 'cloned').as_uri()}", "-e", "editable"),
        ]
    )
    assert set(found) == {"direct", "bare", "sample", "editable", "cloned"}


def test_credentials_stay_nowhere(index: Index, tmp_path: Path, reflink: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(index.directory, {"sample.py": b""}, metadata="Requires-Dist: other\n")
    make_wheel(index.directory, {"other.py": b""}, name="other")
    index.credentials = f"bob:{SECRET}"
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index.with_credentials(index.url)}\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    words = ["--resolver", "uv", "--verbose", "--wheel-cache", tmp_path / "cache"]
    address = index.with_credentials(index.file_url("other-1.0-py3-none-any.whl"))
    said = reflink("install", *words, "-p", bare(tmp_path / "env"), "sample", f"other @ {address}")
    locked = reflink("lock", *words, "-o", tmp_path / "pylock.toml", "sample", f"other @ {address}")
    refused = reflink("install", *words, "-p", tmp_path / "env", "absent", code=1)
    assert packages(tmp_path / "env") == {"sample": "1.0", "other": "1.0"}
    for done in (said, locked, refused):
        assert SECRET not in done.stdout + done.stderr
    for place in (tmp_path / "cache", tmp_path / "env", tmp_path / "pylock.toml"):
        for path in [place, *place.rglob("*")]:
            assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("words", "environ", "named"),
    [
        (["--prefer-binary"], {}, "--prefer-binary"),
        (["--only-final", ":all:"], {}, "--only-final :all:"),
        (["--use-feature", "fast-deps"], {}, "--use-feature fast-deps"),
        (["--uploaded-prior-to", "2025-01-01"], {}, "--uploaded-prior-to 2025-01-01"),
        ([], {"PIP_PREFER_BINARY": "1"}, "--prefer-binary"),
        (["-r", "r.txt"], {}, "--prefer-binary"),
        (["-r", "settings.txt"], {}, "--config-settings"),
        (["-r", "https://127.0.0.1:1/r.txt"], {}, "the file at https://127.0.0.1:1/r.txt"),
        (["-r", "absent.txt"], {}, "absent.txt (No such file or directory)"),
        (["./absent.whl"], {}, "the requirement './absent.whl'"),
    ],
)
def test_what_uv_cannot_be_told_is_refused_by_name(
    words: list[str], environ: dict[str, str], named: str, index: Index, tmp_path: Path, install: Install
) -> None:
    make_wheel(index.directory, {"demo.py": b""}, name="demo")
    (tmp_path / "r.txt").write_text("--prefer-binary\ndemo\n")
    (tmp_path / "settings.txt").write_text("demo --config-settings a=b\n")
    done = install("--resolver", "uv", "demo", *words, code=1, env={**os.environ, **environ})
    assert named in done.stderr
    assert "use --resolver pip" in done.stderr
    assert not index.asked


def test_hashes_are_held(index: Index, tmp_path: Path, install: Install, environment: Path) -> None:
    wheel = make_wheel(index.directory, {"demo.py": b""}, name="demo", metadata="Requires-Dist: other\n")
    make_wheel(index.directory, {"other.py": b""}, name="other")
    right = index.page("demo").decode().partition("sha256=")[2][:64]
    for lines, reason in (
        (f"demo==1.0 --hash=sha256:{'0' * 64}\n", "is not one that its requirement gives"),
        (f"demo @ {wheel.as_uri()}#sha256={'0' * 64}\n", "is not one that its requirement gives"),
        (f"demo==1.0 --hash=sha256:{right}\n", "other 1.0 has none"),
        ("--require-hashes\ndemo==1.0\n", "has none"),
    ):
        (tmp_path / "r.txt").write_text(lines)
        assert reason in install("--resolver", "uv", "-r", "r.txt", code=1).stderr
    other = index.page("other").decode().partition("sha256=")[2][:64]
    (tmp_path / "r.txt").write_text(f"demo==1.0 --hash=sha256:{right}\nother==1.0 --hash=sha256:{other}\n")
    install("--resolver", "uv", "-r", "r.txt")
    assert packages(environment) == {"demo": "1.0", "other": "1.0"}


def test_no_solution_and_variables_of_uv(
    index: Index, install: Install, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(index.directory, {"demo.py": b""}, name="demo")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://127.0.0.1:1/nothing")
    monkeypatch.setenv("VIRTUALENV_RESOLVER", "uv")
    done = install("demo>1", code=1)
    assert "only demo==1.0 is available and you require demo>1" in " ".join(done.stderr.split())
    assert packages(environment) == {}
    install("demo")
    asked = list(index.asked)
    assert "remembered" in install("demo", into=bare(environment.parent / "again")).stdout
    assert index.asked == asked


def test_an_uv_that_is_too_old_or_missing(tmp_path: Path, install: Install) -> None:
    fake = tmp_path / "bin" / "uv"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho uv 0.4.30\n")
    fake.chmod(0o755)
    hidden = tmp_path / "hidden" / "uv"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("def find_uv_bin():\n    raise FileNotFoundError\n")
    path = {"PATH": f"{fake.parent}:/usr/bin:/bin", "PYTHONPATH": str(hidden.parent)}
    done = install("--resolver", "uv", "demo", code=1, env={**os.environ, **path})
    assert f"{fake} is uv 0.4.30" in done.stderr
    assert "0.9 or later" in done.stderr
    fake.unlink()
    done = install("--resolver", "uv", "demo", code=1, env={**os.environ, **path, "PATH": "/usr/bin:/bin"})
    assert "--resolver uv needs uv; install virtualenv-reflink[uv]" in done.stderr


SETS = {
    "flask": ["flask>=3"],
    "requests": ["requests[socks]", "urllib3<2"],
    "django": ["django~=5.1", "djangorestframework"],
    "black": ["black>=24", "mypy"],
    "jupyter": ["nbconvert"],
    "boto3": ["boto3"],
    "pandas": ["pandas<3", "numpy<2.3"],
    "sphinx": ["sphinx", "myst-parser"],
    "pytest": ["pytest", "pytest-xdist", "hypothesis"],
    "fastapi": ["fastapi[standard]"],
    "celery": ["celery[redis]"],
    "scikit-learn": ["scikit-learn", "matplotlib"],
}


@pytest.mark.parametrize("requirements", SETS.values(), ids=SETS)
def test_real_sets_come_to_what_pip_resolves(requirements: list[str], reflink: Run, tmp_path: Path) -> None:
    """Both lock against the same indexes; versions, sources and hashes are the same."""
    locks = []
    for resolver in ("pip", "uv"):
        output = tmp_path / f"pylock.{resolver}.toml"
        reflink("lock", "--resolver", resolver, "--wheel-cache", tmp_path / "cache", "-o", output, *requirements)
        locks.append(output.read_text())
    assert locks[0] == locks[1]


def test_the_interpreter_of_the_environment_decides(index: Index, tmp_path: Path, install: Install) -> None:
    for version, python in (("1.0", ">=3"), ("2.0", f">{sys.version_info.major + 1}")):
        metadata = f"Requires-Python: {python}\n"
        make_wheel(index.directory, {"demo.py": b""}, name="demo", version=version, metadata=metadata)
    install("--resolver", "uv", "demo")
    assert packages(tmp_path / "env") == {"demo": "1.0"}
