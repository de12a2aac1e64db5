"""A command as a process: output that nobody takes, and signals at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import python_of
from tests.support.tools import default_signals
from tests.support.wheels import make_wheel

OURS = [sys.executable, "-m", "virtualenv_reflink"]
PIPX = [sys.executable, "-c", "from virtualenv_reflink.__main__ import pipx_script; pipx_script()"]
SENTENCE = "the wheel cache is whole, and no package was half-installed"


def through_shell(command: list[object], redirection: str) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-c", f'"$@" {redirection}; exit ${{PIPESTATUS[0]}}', "bash", *map(str, command)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full", "| true"])
def test_output_that_nobody_takes_does_not_matter(tmp_path: Path, cache: Path, redirection: str) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b""})
    environment, options = tmp_path / "env", ["--wheel-cache", cache]
    lock = ["lock", *options, "--no-index", "--find-links", tmp_path, "-o", tmp_path / "pylock.toml", "sample"]
    for command in (
        ["venv", *options, environment],
        ["install", *options, "-v", "-p", environment, wheel],
        lock,
        ["default", "status"],
        ["--version"],
        ["install", "--help"],
    ):
        done = through_shell([*OURS, *command], redirection)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert "Exception ignored" not in done.stdout + done.stderr
    subprocess.run([python_of(environment), "-c", "import sample, pip"], check=True)
    assert (tmp_path / "pylock.toml").exists()


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">/dev/full", "| true"])
@pytest.mark.parametrize("words", [["nonsense"], ["install", "--nonsense"], ["install", "-p", "/absent", "six"]])
def test_a_failure_stays_a_failure(redirection: str, words: list[object]) -> None:
    expected = subprocess.run([*OURS, *map(str, words)], capture_output=True, check=False).returncode
    assert expected != 0
    done = through_shell([*OURS, *words], redirection)
    assert done.returncode == expected
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full", "| true"])
def test_output_of_pipx(redirection: str) -> None:
    pytest.importorskip("pipx")
    done = through_shell([*PIPX, "environment"], redirection)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_the_encoding_lacks(tmp_path: Path, cache: Path) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    place = tmp_path / "ünvironment"
    command = [*OURS, "venv", "--link-mode", "copy", "--wheel-cache", cache, "-p", place / "absent", place]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("front", [OURS, PIPX], ids=["ours", "pipx"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_any_moment_is_told_in_a_sentence(front: list[str], number: int) -> None:
    """Imports wait for a pipe here, so that the moment is one while they are in progress."""
    reading, writing = os.pipe()
    # stands before the first import of script(), and holds it up where main() imports
    code = f"""
import sys, os
class Waiting:
    def find_spec(self, name, path=None, target=None):
        if name in ("virtualenv_reflink.cli.default", "virtualenv_reflink.options"):
            os.write({writing}, b"x")
            import time
            time.sleep(60)
sys.meta_path.insert(0, Waiting())
sys.argv[1:] = ["default", "status"]
from virtualenv_reflink.{"cli" if front is OURS else "integrations.pipx.script"} import script
script()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        pass_fds=[writing],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    )
    os.close(writing)
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    process.send_signal(number)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    assert said == f"{'interrupted' if number == signal.SIGINT else 'terminated'}: {SENTENCE}\n"


def test_what_is_ignored_stays_ignored() -> None:
    code = """
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from virtualenv_reflink.integrations.process import run_as_process
def main():
    os.kill(os.getpid(), signal.SIGHUP)
    return 7
run_as_process(main)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 7


def test_a_forked_child_is_ended_without_unwinding() -> None:
    code = """
import os, signal, time
from virtualenv_reflink.integrations.process import run_as_process

def main():
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, b"x")
            time.sleep(60)
        finally:
            print("unwound", flush=True)
    os.read(reading, 1)
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 128 + signal.SIGTERM
    return 0
run_as_process(main)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_terminated_venv_leaves_nothing_half_made(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'b'\nbackend-path = ['.']\n"
    )
    (project / "b.py").write_text("import time\ntime.sleep(60)\n")
    command = [*OURS, "venv", "--wheel-cache", tmp_path / "cache", "--with", project, tmp_path / "env"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (tmp_path / "env" / "pyvenv.cfg").exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGTERM
    assert said == f"terminated: {SENTENCE}\n"
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize(
    ("run", "module", "status"),
    [
        ("script", "virtualenv_reflink.cli", -signal.SIGINT),
        ("script", "virtualenv_reflink.cli.install", 128 + signal.SIGINT),
        ("pipx_script", "virtualenv_reflink.errors", -signal.SIGINT),
        ("pipx_script", "pipx.main", 128 + signal.SIGINT),
    ],
)
def test_an_interrupt_of_the_imports_is_no_traceback(run: str, module: str, status: int) -> None:
    if module == "pipx.main":
        pytest.importorskip("pipx")
    code = f"""
import os, signal, sys
class Interrupting:
    def find_spec(name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting)
sys.argv = ["virtualenv-reflink", "install", "six"]
from virtualenv_reflink.__main__ import {run}
{run}()
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=default_signals)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_heard_where_python_ignores_exceptions(number: int) -> None:
    """The callback of a weak reference is such a place; imports have some."""
    code = f"""
import os, time, weakref
from virtualenv_reflink.integrations.process import run_as_process
class Thing:
    pass
def main():
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), {int(number)}))
    del thing
    time.sleep(60)
    return 0
run_as_process(main)
"""
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=default_signals)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    assert said == f"{'interrupted' if number == signal.SIGINT else 'terminated'}: {SENTENCE}\n"
