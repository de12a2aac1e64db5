"""Every strong hash of a lock must be right, and what a lock names must be what it says."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ONCE, Install, Run, bare, python_of
from tests.support.comparison import packages
from tests.support.index import Index
from tests.support.projects import make_project
from tests.support.wheels import make_wheel

pytestmark = ONCE

NAME = "sample-1.0-py3-none-any.whl"
WRONG = {"sha256": "0" * 64, "sha384": "0" * 96, "sha512": "0" * 128}


def write(lock: Path, archive: str, kind: str = "wheels") -> None:
    head = 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "sample"\nversion = "1.0"\n'
    table = "[[packages.wheels]]" if kind == "wheels" else f"[packages.{kind}]"
    lock.write_text(f"{head}{table}\n{archive}\n", encoding="utf-8")


def right(wheel: Path, *names: str) -> dict[str, str]:
    return {name: hashlib.new(name, wheel.read_bytes()).hexdigest() for name in names}


@pytest.fixture
def wheel(tmp_path: Path, index: Index) -> Path:  # noqa: ARG001
    """A wheel that an index serves."""
    return make_wheel(tmp_path / "dist", {"sample.py": b""})


@pytest.mark.parametrize(("place", "is_known"), [("path", False), ("url", False), ("path", True)])
@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (("sha256",), {}),
        (("sha384",), {}),
        (("sha512",), {}),
        (("sha256", "sha384", "sha512", "md5"), {}),
        ((), {"sha256": WRONG["sha256"]}),
        ((), {"sha384": WRONG["sha384"]}),
        ((), {"sha512": WRONG["sha512"]}),
        (("sha256",), {"sha512": WRONG["sha512"]}),
        (("sha512",), {"sha256": WRONG["sha256"]}),
        (("sha256", "sha512"), {"sha384": WRONG["sha384"]}),
        (("sha256", "sha3_256", "blake2b"), {}),
        (("sha256",), {"sha3_256": WRONG["sha256"]}),
        (("sha256",), {"blake2b": WRONG["sha512"]}),
        ((), {"sha256": ""}),
        (("sha512",), {"sha256": ""}),
        ((), {"sha256": "0" * 63}),
        ((), {"sha256": "g" * 64}),
        (("md5",), {}),
        (("sha1",), {"sha512": WRONG["sha512"]}),
    ],
)
def test_hashes_as_pip_takes_them(
    good: tuple[str, ...],
    bad: dict[str, str],
    place: str,
    is_known: bool,
    wheel: Path,
    tmp_path: Path,
    own_cache: Path,
    index: Index,
    reflink: Run,
) -> None:
    environment = bare(tmp_path / "env")
    if is_known:
        reflink("install", "--wheel-cache", own_cache, "-p", bare(tmp_path / "other"), wheel)
    hashes = ", ".join(f'{name} = "{value}"' for name, value in {**right(wheel, *good), **bad}.items())
    where = str(wheel) if place == "path" else index.file_url(NAME)
    write(tmp_path / "pylock.toml", f'name = "{NAME}"\n{place} = "{where}"\nhashes = {{{hashes}}}')
    is_good = not bad and good != ("md5",)
    install = ["install", "--wheel-cache", own_cache, "-p", environment, "--lock", tmp_path / "pylock.toml"]
    done = reflink(*install, code=0 if is_good else 1)
    assert packages(environment) == ({"sample": "1.0"} if is_good else {})
    if is_good:
        asked = len(index.asked)
        reflink(*install[:-3], bare(tmp_path / "again"), *install[-2:])
        assert len(index.asked) == asked
    else:
        assert len(done.stderr.strip().splitlines()) == 1 or "pip download failed" in done.stderr


def test_hashes_in_capitals(wheel: Path, tmp_path: Path, install: Install, environment: Path) -> None:
    digest = right(wheel, "sha256")["sha256"].upper()
    write(tmp_path / "pylock.toml", f'path = "{wheel}"\nhashes = {{sha256 = "{digest}"}}')
    install("--lock", tmp_path / "pylock.toml")
    assert packages(environment) == {"sample": "1.0"}


@pytest.mark.parametrize("kind", ["wheels", "archive", "sdist"])
@pytest.mark.parametrize(
    "path", ["DIR", "DIR/x.whl", "a\\u0000.whl", "a" * 5000 + ".whl", "b/" * 3000 + "x.whl", "loop"]
)
def test_paths_that_are_no_archives(kind: str, path: str, tmp_path: Path, install: Install) -> None:
    (tmp_path / "d" / "x.whl").mkdir(parents=True)
    (tmp_path / "loop").symlink_to("loop")
    path = path.replace("DIR", str(tmp_path / "d"))
    name = 'name = "sample-1.0.tar.gz"\n' if kind == "sdist" else f'name = "{NAME}"\n' if kind == "wheels" else ""
    write(tmp_path / "pylock.toml", f'{name}path = "{path}"\nhashes = {{sha256 = "{WRONG["sha256"]}"}}', kind)
    done = install("--lock", tmp_path / "pylock.toml", code=1)
    assert done.stderr.startswith("error: the lock ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert len(done.stderr) < 1000


def test_a_directory_that_is_a_file(tmp_path: Path, install: Install) -> None:
    (tmp_path / "file").write_text("")
    write(tmp_path / "pylock.toml", 'path = "file"', "directory")
    assert "is not a directory" in install("--lock", tmp_path / "pylock.toml", code=1).stderr


def test_a_directory_with_a_subdirectory(tmp_path: Path, install: Install, environment: Path) -> None:
    make_project(tmp_path / "top" / "inner")
    write(tmp_path / "pylock.toml", 'path = "top"\nsubdirectory = "inner"', "directory")
    install("--lock", tmp_path / "pylock.toml")
    assert packages(environment) == {"sample": "1.0"}


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 50_000 + "]" * 50_000, "x." * 5_000 + "y = 1", "x = " + "{y=" * 50_000]
)
def test_deeply_nested_toml(text: str, tmp_path: Path, install: Install) -> None:
    (tmp_path / "pylock.toml").write_text(text)
    done = install("--lock", tmp_path / "pylock.toml", code=1)
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("text", ["x\\u0000y", "a" * 5000, "..", "a/../../b"])
def test_names_that_are_none(text: str, wheel: Path, tmp_path: Path, install: Install) -> None:
    (tmp_path / "pylock.toml").write_text(
        f'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "{text}"\n[[packages.wheels]]\n'
        f'path = "{wheel}"\nhashes = {{sha256 = "{right(wheel, "sha256")["sha256"]}"}}\n'
    )
    done = install("--lock", tmp_path / "pylock.toml", code=1)
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wheel_of_another_project(wheel: Path, tmp_path: Path, install: Install, environment: Path) -> None:
    digest = right(wheel, "sha256")["sha256"]
    write(tmp_path / "pylock.toml", f'path = "{wheel}"\nhashes = {{sha256 = "{digest}"}}', "archive")
    text = (tmp_path / "pylock.toml").read_text().replace('"sample"', '"other"')
    (tmp_path / "pylock.toml").write_text(text)
    assert "other was asked for" in install("--lock", tmp_path / "pylock.toml", code=1).stderr
    assert packages(environment) == {}


@pytest.mark.parametrize("damage", ["", "1.0", "x\n[]", '1e99\n[["a"]]', "1\n{}", "\0"])
def test_damaged_memory_counts_as_none(damage: str, wheel: Path, tmp_path: Path, own_cache: Path, reflink: Run) -> None:
    write(tmp_path / "pylock.toml", f'path = "{wheel}"\nhashes = {{sha256 = "{right(wheel, "sha256")["sha256"]}"}}')
    for arguments in (["--lock", tmp_path / "pylock.toml"], ["sample"]):
        for number in range(2):
            into = bare(tmp_path / f"env-{number}-{len(arguments)}")
            reflink("install", "--wheel-cache", own_cache, "-p", into, *arguments)
            assert packages(into) == {"sample": "1.0"}
            for kind in ("locks", "resolutions"):
                for memory in own_cache.glob(f"*/{kind}/*"):
                    memory.chmod(0o600)
                    memory.write_text(damage)


def test_a_vcs_of_a_lock_on_this_machine(tmp_path: Path, install: Install, environment: Path) -> None:
    project = make_project(tmp_path / "repo")
    git = ["git", "-C", project, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    (project / "sample.py").write_text("uncommitted")
    write(tmp_path / "pylock.toml", f'type = "git"\npath = "repo"\ncommit-id = "{commit}"', "vcs")
    install("--lock", tmp_path / "pylock.toml")
    code = [python_of(environment), "-c", "import sample; print(sample.value)"]
    assert subprocess.run(code, check=True, capture_output=True, text=True).stdout == "1\n"
