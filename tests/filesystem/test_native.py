"""The compiled part: when it is loaded, and what is no use as one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from virtualenv_reflink.filesystem import native

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
ANOTHER = next(path for place in sys.path for path in sorted(Path(place).glob("*.so"))).read_bytes()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package without its compiled part, which is wanted even where these tests run without one."""
    monkeypatch.delenv(native.CORE, raising=False)
    copied = tmp_path / "virtualenv_reflink"
    shutil.copytree(Path(native.__file__).parents[1], copied, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return copied


def version(package: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "virtualenv_reflink", "--version"],
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_without_a_compiled_part_python_does_its_work_in_silence(package: Path) -> None:
    done = version(package)
    assert done.stdout.endswith(" (Python core)\n")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "file too short"),
        (b"no library" * 1000, "invalid ELF header"),
        (ANOTHER[:5000], "it was cut short"),
        (ANOTHER[:-1], "it was cut short"),
        (ANOTHER, "PyInit__native"),
    ],
    ids=["empty", "text", "cut short", "a byte short", "another one"],
)
def test_a_broken_or_foreign_compiled_part_is_ignored_with_one_line(package: Path, content: bytes, reason: str) -> None:
    compiled = package / "filesystem" / "_native.so"
    compiled.write_bytes(content)
    check_that_it_is_ignored(compiled, reason, version(package))


def check_that_it_is_ignored(compiled: Path, reason: str, done: subprocess.CompletedProcess[str]) -> None:
    assert done.stdout.endswith(" (Python core)\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{compiled} cannot be used (")
    assert line.endswith("), so Python does its work; install virtualenv-reflink again")
    assert reason in line


@pytest.mark.skipif(not FREE_THREADED or ".abi3.so" not in EXTENSION_SUFFIXES, reason="this build may, or does not try")
def test_a_compiled_part_for_builds_with_a_lock_is_not_loaded_without_one(package: Path) -> None:
    compiled = package / "filesystem" / "_native.abi3.so"
    compiled.write_bytes(ANOTHER)
    check_that_it_is_ignored(compiled, "it is not for free-threaded builds", version(package))


@pytest.mark.parametrize("core", ["native"], indirect=True)
@pytest.mark.usefixtures("core")
def test_a_compiled_part_of_another_version_is_ignored_with_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    native._load.cache_clear()
    monkeypatch.setattr(native, "_INTERFACE", 0)
    try:
        assert native.core() == native.core() == "Python"
    finally:
        native._load.cache_clear()
    (record,) = caplog.records
    assert "_native" in record.getMessage()
    assert "cannot be used (it belongs to another version)" in record.getMessage()


@pytest.mark.skipif(not FREE_THREADED, reason="this build is not free-threaded")
@pytest.mark.parametrize("core", ["native"], indirect=True)
@pytest.mark.usefixtures("core")
def test_a_free_threaded_interpreter_stays_one() -> None:
    code = "import sys, virtualenv_reflink.filesystem._native; print(sys._is_gil_enabled())"
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) == "False\n"


@pytest.mark.parametrize("core", ["native"], indirect=True)
@pytest.mark.usefixtures("core")
def test_threads_may_share_what_places_files(tmp_path: Path) -> None:
    threads, batches = 8, 50
    names = [f"{number}.py" for number in range(6)]
    (tmp_path / "source").mkdir()
    for name in names:
        (tmp_path / "source" / name).write_text(name)
    columns = "/".join(names), "0" * len(names), ",".join(str(len(name)) for name in names)
    placing = native.start_placing(0o022)
    assert placing is not None

    def submit(thread: int) -> None:
        for number in range(batches):
            target = tmp_path / f"{thread}-{number}"
            target.mkdir()
            placing.submit(native.COPY, f"{tmp_path}/source", str(target), *columns, None)
            placing.wait(0)
            assert placing.placed()[0] <= threads * batches * len(names)
            assert placing.failure() is None

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(submit, range(threads)))
        while not placing.wait(1):
            pass
        list(pool.map(lambda _: placing.stop(), range(threads)))
    assert placing.placed() == (threads * batches * len(names), 0, 0)
    assert all(path.read_text() == path.name for path in tmp_path.glob("*-*/*.py"))


@pytest.mark.skipif(native.core() != "native", reason="there is no native core here")
def test_the_last_thread_starts_when_python_waits(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    names = [f"{number}.py" for number in range(3000)]
    for name in names:
        (source / name).touch()
    columns = ("/".join(names), "0" * len(names), ",".join("0" * len(names)))

    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    before = threads()
    placing = native._load().Placing(3, 0o022)
    assert threads() == before + 2
    placing.wait(0)
    assert threads() == before + 2
    placing.submit(native.COPY, str(source), str(target), *columns, None)
    placing.wait(0)
    assert threads() == before + 3
    placing.stop()


def test_it_is_loaded_for_files_only(tmp_path: Path) -> None:
    loading = f"""
import sys
from virtualenv_reflink.cli import main
status = main(["venv", "--without-pip", "--wheel-cache", {str(tmp_path / "cache")!r}, {str(tmp_path / "env")!r}])
print(status, [name for name in sys.modules if name.endswith("._native")])
"""
    done = subprocess.run([sys.executable, "-c", loading], capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"
