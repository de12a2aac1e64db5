"""``virtualenv-reflink default``: a line in virtualenv.ini, and nothing else in it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.loop_mounts import loop_mount
from tests.conftest import Run, bare, require_mounts
from virtualenv_reflink.integrations.tools import interpreter_of

UNUSUAL = {
    "none": b"",
    "empty section": b"[virtualenv]\n",
    "comments and order": b"# a\n\n[tox]\na=1\n\n[virtualenv]\n; b\npip : embed\n\n\n# z\n[other]\nx =\n   1\n\n   2\n",
    "lines of Windows": b"[virtualenv]\r\npip = embed\r\n\r\n[other]\r\nx = 1\r\n",
    "byte order mark": b"\xef\xbb\xbf[virtualenv]\npip = embed\n",
    "per cent": "[virtualenv]\nprompt = 100% ünlaut\n".encode(),
    "several lines": b"[virtualenv]\nextra_search_dir =\n    /a\n    # not this\n    /b\n",
}


@pytest.fixture
def ini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file of the user, which is not there yet; there are no tools on the PATH."""
    path = tmp_path / "config" / "virtualenv.ini"
    monkeypatch.setenv("VIRTUALENV_CONFIG_FILE", str(path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return path


def test_virtualenv_takes_seeder_and_link_mode_from_the_file(tmp_path: Path, ini: Path, reflink: Run) -> None:
    virtualenv = [sys.executable, "-m", "virtualenv", "--no-periodic-update", tmp_path / "env"]
    assert reflink("default", "status").stdout.startswith(f"off: {ini} does not exist\n")
    done = reflink("default", "on", "--link-mode", "copy")
    assert done.stdout == f"on: {ini} sets seeder = reflink, link_mode = copy\n"
    made = subprocess.run(virtualenv, capture_output=True, text=True, check=True).stdout
    assert "ReflinkSeeder" in made
    assert "via=copy" in made
    assert reflink("default", "status").stdout.startswith("on: ")
    assert reflink("default", "off").stdout == f"off: {ini} sets no seeder in [virtualenv]\n"
    made = subprocess.run([*virtualenv, "--clear"], capture_output=True, text=True, check=True).stdout
    assert "ReflinkSeeder" not in made


def test_the_file_of_the_user_is_where_virtualenv_looks(
    tmp_path: Path, reflink: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUALENV_CONFIG_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    path = reflink("default", "on").stdout.split()[1]
    said = subprocess.run([sys.executable, "-m", "virtualenv", "--help"], capture_output=True, text=True, check=True)
    assert f"configfile{path}active" in "".join(said.stdout.split())


@pytest.mark.parametrize("content", UNUSUAL.values(), ids=UNUSUAL)
def test_everything_else_in_the_file_stays_byte_for_byte(ini: Path, reflink: Run, content: bytes) -> None:
    ini.parent.mkdir()
    ini.write_bytes(content)
    ini.chmod(0o640)
    reflink("default", "on", "--link-mode", "clone")
    ours = [line for line in ini.read_bytes().splitlines(keepends=True) if line.startswith((b"seeder", b"link_mode"))]
    assert [line.split() for line in ours] == [[b"seeder", b"=", b"reflink"], [b"link_mode", b"=", b"clone"]]
    assert {line[-2:] == b"\r\n" for line in ours} == {b"\r\n" in content}
    reflink("default", "on", "--link-mode", "copy")
    assert reflink("default", "status").stdout.startswith(f"on: {ini} sets seeder = reflink, link_mode = copy\n")
    reflink("default", "off")
    assert ini.read_bytes() == (content or b"[virtualenv]\n")
    assert stat.S_IMODE(ini.stat().st_mode) == 0o640
    assert os.listdir(ini.parent) == [ini.name]


def test_a_link_to_the_file_stays_a_link(ini: Path, reflink: Run, tmp_path: Path) -> None:
    ini.parent.mkdir()
    (tmp_path / "dotfiles.ini").write_text("[virtualenv]\n")
    ini.symlink_to(tmp_path / "dotfiles.ini")
    reflink("default", "on")
    assert ini.is_symlink()
    assert "seeder = reflink" in (tmp_path / "dotfiles.ini").read_text()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[virtualenv]\nseeder = app-data\n", "sets seeder = app-data already; remove that line"),
        (b"[DEFAULT]\nseeder = pip\n[virtualenv]\n", "sets seeder = pip already; remove that line"),
        (b"[virtualenv]\npip = embed\npip = bundle\n", "option 'pip' in section 'virtualenv' already exists"),
        (b"[virtualenv]\n[other]\n[virtualenv]\n", "section 'virtualenv' already exists"),
        (b"seeder = reflink\n", "contains no section headers"),
        (b"[virtualenv]\nprompt = \xff\n", "is not UTF-8 (byte 22)"),
        (b"[virtualenv]\n  pip = embed\n  [other]\n", "edit its [virtualenv] by hand"),
    ],
)
def test_what_is_not_changed(ini: Path, reflink: Run, content: bytes, told: str) -> None:
    ini.parent.mkdir()
    ini.write_bytes(content)
    done = reflink("default", "on", code=1)
    assert told in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert ini.read_bytes() == content


def test_another_seeder_is_not_switched_off(ini: Path, reflink: Run) -> None:
    ini.parent.mkdir()
    ini.write_text("[virtualenv]\nseeder = app-data\nlink_mode = copy\n")
    assert reflink("default", "off").stdout == f"off: {ini} sets seeder = app-data\n"
    assert ini.read_text() == "[virtualenv]\nseeder = app-data\nlink_mode = copy\n"


def test_a_file_that_cannot_be_written(ini: Path, reflink: Run) -> None:
    ini.parent.write_text("a file where a directory should be")
    assert f"{ini} cannot be " in reflink("default", "on", code=1).stderr
    ini.parent.unlink()
    ini.mkdir(parents=True)
    assert "cannot be read: Is a directory" in reflink("default", "on", code=1).stderr


def test_a_filesystem_that_is_read_only(reflink: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    require_mounts("tmpfs")
    with loop_mount("tmpfs", 4, "ro") as place:
        monkeypatch.setenv("VIRTUALENV_CONFIG_FILE", str(place / "virtualenv.ini"))
        done = reflink("default", "on", code=1)
    assert done.stderr.endswith("Read-only file system; make it writable, or set VIRTUALENV_SEEDER=reflink\n")


def test_what_overrides_the_file_is_told(ini: Path, reflink: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUALENV_SEEDER", "app-data")
    for action in ("on", "status", "off"):
        assert "overridden by the environment: VIRTUALENV_SEEDER=app-data\n" in reflink("default", action).stdout
    assert ini.exists()


@pytest.mark.usefixtures("ini")
def test_tools_that_lack_us_are_told_and_how_to_help_them(
    tmp_path: Path, reflink: Run, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = bare(tmp_path / "lacking env")
    reflink("install", "-q", "--wheel-cache", cache, "-p", lacking, "virtualenv")
    having = Path(sys.executable).parent / "virtualenv"
    places = [directory for name in ("tox", "nox", "uv") if (directory := tmp_path / name).mkdir() is None]
    (places[0] / "tox").symlink_to(lacking / "bin" / "virtualenv")
    (places[1] / "nox").symlink_to(having)
    shutil.copy("/bin/true", places[2] / "poetry")
    (places[2] / "hatch").write_text("#!/missing/python\n")
    (places[2] / "hatch").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, places), "/usr/bin", "/bin"]))
    remedy = f"virtualenv-reflink install -p '{lacking}' virtualenv-reflink"
    told = [line.split(None, 1) for line in reflink("default", "status").stdout.splitlines()[1:]]
    assert ["tox", f"lacks virtualenv-reflink: {remedy}  ({places[0] / 'tox'})"] in told
    assert ["nox", f"has virtualenv-reflink  ({places[1] / 'nox'})"] in told
    assert ["poetry", f"names no Python interpreter in its first line  ({places[2] / 'poetry'})"] in told
    (hatch,) = [text for name, text in told if name == "hatch"]
    assert hatch.startswith("cannot be asked: ")
    assert "/missing/python" in hatch
    warned = reflink("default", "on").stderr
    assert warned.startswith("warning: tox ")
    assert warned.endswith(f"run: {remedy}\n")
    assert warned.count("\n") == 1
    done = subprocess.run([places[0] / "tox", tmp_path / "env"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "seeder" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("#!/opt/python3.13\n", "/opt/python3.13"),
        ("#!/opt/python -I\n", "/opt/python"),
        ("#!/bin/sh\n'''exec' \"/with a space/python3\" \"$0\" \"$@\"\n' '''\n", "/with a space/python3"),
        ("#!/bin/sh\nexec python3\n", None),
        ("#!/usr/bin/perl\n", None),
        ("#!\n", None),
        ("#!python'\n", None),
        ("\x7fELF", None),
    ],
)
def test_the_interpreter_behind_a_script(tmp_path: Path, head: str, found: str | None) -> None:
    script = tmp_path / "script"
    script.write_text(head)
    assert interpreter_of(script) == (found and Path(found))


def test_an_interpreter_named_through_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "script").write_text("#!/usr/bin/env python3\n")
    assert interpreter_of(tmp_path / "script") == tmp_path / "python3"
