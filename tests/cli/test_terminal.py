"""Progress on a terminal: one display, whatever threads do, that always ends."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.progress import Progress as Bars

from tests.conftest import Run
from tests.support.wheels import make_wheel
from virtualenv_reflink.cli import terminal
from virtualenv_reflink.progress import Progress


@pytest.fixture
def displays(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What displays do, in order; each step is worth showing."""
    told: list[str] = []
    start, stop = Bars.start, Bars.stop
    monkeypatch.setattr(Bars, "start", lambda self: (told.append("start"), start(self))[1])
    monkeypatch.setattr(Bars, "stop", lambda self: (told.append("stop"), stop(self))[1])
    monkeypatch.setattr(terminal, "_WORTH_SHOWING", 0)
    return told


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Progress:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    return terminal.progress(verbose=False, quiet=False)


def test_threads_share_one_display(displays: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    display = on_terminal(monkeypatch)

    def work(number: int) -> None:
        with display.stage(f"Thread {number}"):
            for _ in range(50):
                display.step("file")

    with display.stage("All", 200), ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
        list(pool.map(lambda _: display.step("file"), range(50)))
    assert displays == ["start", "stop"]


@pytest.mark.parametrize("stopped_by", [OSError, KeyboardInterrupt, SystemExit])
def test_the_display_ends_with_what_it_is_about(
    displays: list[str], monkeypatch: pytest.MonkeyPatch, stopped_by: type[BaseException]
) -> None:
    display = on_terminal(monkeypatch)

    def work() -> None:
        with display.stage("Outer"), display.stage("Inner"):
            display.step("file")
            raise stopped_by

    with pytest.raises(stopped_by):
        work()
    # of a thread that goes on for a while
    display.step("file")
    display.detail("line")
    assert displays == ["start", "stop"]


def test_an_interrupt_while_the_display_starts(displays: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    display = on_terminal(monkeypatch)

    def interrupted(_: Bars) -> None:
        displays.append("start")
        raise KeyboardInterrupt

    monkeypatch.setattr(Bars, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), display.stage("All"):
        display.step("file")
    assert displays == ["start", "stop"]


def test_a_terminal_that_is_gone(displays: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    display = on_terminal(monkeypatch)

    def gone(_: Bars) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Bars, "refresh", gone)
    with display.stage("All"):
        display.step("file")
    assert displays == ["start", "stop"]


def test_without_rich_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    assert type(on_terminal(monkeypatch)) is Progress


@pytest.mark.parametrize(
    ("command", "module", "extra"),
    [
        (["lock", "six"], "tomli_w", "lock"),
        (["default", "on"], "configupdater", "default"),
        (["default", "off"], "configupdater", "default"),
        (["default", "status"], "configupdater", None),
    ],
)
def test_an_extra_that_is_not_installed(
    tmp_path: Path, reflink: Run, command: list[str], module: str, extra: str | None
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules[{module!r}] = None\n")
    done = reflink(*command, code=1 if extra else 0, env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path)
    if extra:
        words = "virtualenv-reflink " + " ".join(word for word in command if word != "six")
        assert done.stderr == f"error: {words} needs {module}; install virtualenv-reflink[{extra}]\n"


def test_only_what_is_done_is_told(tmp_path: Path, reflink: Run) -> None:
    wheel = make_wheel(tmp_path, {"sample.py": b"value = 1\n"})
    venv = ["venv", "-v", "--without-pip", "--wheel-cache", tmp_path / "cache", "--with", wheel]
    assert "Bytecode" not in reflink(*venv, "--no-compile-bytecode", tmp_path / "without").stderr
    assert "Bytecode (1)" in reflink(*venv, tmp_path / "with").stderr
