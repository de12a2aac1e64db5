"""Whatever the old and the new place are called, scripts and activation find the new one."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import virtualenv_reflink
from tests.conftest import Run
from tests.forking.checks import naming, prefix, run, stale_bytecode, untrue_rows
from tests.support.interpreters import interpreter
from tests.support.wheels import full_wheel

ODD = 'old it\'s $x "d" ñ'
NEW = 'new o\'k $(y) "e" `é`'
LONG = "long" * 40
# ends what the kernel takes for a path, as a blank does
TAB = "with\ttab"
NAMES = pytest.mark.parametrize(
    ("old", "new"),
    [("plain", NEW), (ODD, "plain"), (ODD, NEW), (LONG, "plain"), ("plain", LONG), ("plain", TAB), (TAB, "plain")],
)
CREATORS = {
    "venv": [sys.executable, "-m", "venv", "--without-pip"],
    "virtualenv": [sys.executable, "-m", "virtualenv", "-q", "--no-seed"],
}


def activated(environment: Path) -> list[str]:
    """Where activation says that the environment is, and which interpreter the PATH has then."""
    code = '. "$0/bin/activate" && echo "$VIRTUAL_ENV" && command -v python'
    return subprocess.check_output(["bash", "-c", code, environment], text=True).splitlines()


@NAMES
@pytest.mark.parametrize("creator", CREATORS)
def test_activation_finds_the_new_place(tmp_path: Path, creator: str, old: str, new: str) -> None:
    subprocess.run([*CREATORS[creator], tmp_path / old], check=True, env={**os.environ, "VIRTUALENV_SEEDER": "pip"})
    virtualenv_reflink.fork(tmp_path / old, tmp_path / new)
    assert activated(tmp_path / new) == [str(tmp_path / new), f"{tmp_path / new}/bin/python"]
    assert naming(tmp_path / new, tmp_path / old) == []


def test_activation_of_an_older_venv(tmp_path: Path) -> None:
    """Up to 3.12 nothing was quoted in it."""
    subprocess.run([interpreter("3.10"), "-m", "venv", "--without-pip", tmp_path / "old"], check=True)
    virtualenv_reflink.fork(tmp_path / "old", tmp_path / NEW)
    assert activated(tmp_path / NEW) == [str(tmp_path / NEW), f"{tmp_path / NEW}/bin/python"]


@NAMES
def test_scripts_run_the_interpreter_of_the_fork(tmp_path: Path, old: str, new: str, reflink: Run) -> None:
    source, fork = tmp_path / old, tmp_path / new
    options = ["--wheel-cache", tmp_path / "cache", "--with", full_wheel(tmp_path)]
    reflink("venv", "--without-pip", *options, source)
    (source / "bin" / "told").write_bytes(
        (source / "bin" / "sample-script").read_bytes() + b"import sys; print(sys.prefix)\n"
    )
    (source / "bin" / "told").chmod(0o755)
    reflink("fork", source, fork)
    assert run(fork, "sample") == "sample runs\n"
    assert run(fork, "told") == f"sample runs\n{fork}\n"
    assert prefix(fork) == fork
    assert naming(fork, source) == []
    assert untrue_rows(fork) == []
    assert stale_bytecode(fork) == []


def test_first_lines_keep_their_arguments(environment: Path, tmp_path: Path) -> None:
    scripts = {
        "isolated": f"#!{environment}/bin/python -I\nimport sys; print(sys.flags.isolated, sys.prefix)\n",
        "quoted": f"#!/bin/sh\n'''exec' \"{environment}/bin/python\" -I \"$0\" \"$@\"\n' '''\n"
        "import sys; print(sys.flags.isolated, sys.prefix)\n",
    }
    for name, text in scripts.items():
        (environment / "bin" / name).write_text(text)
        (environment / "bin" / name).chmod(0o755)
    for new in ("short", LONG):
        virtualenv_reflink.fork(environment, tmp_path / new)
        assert [run(tmp_path / new, name) for name in scripts] == [f"1 {tmp_path / new}\n"] * 2


def test_what_is_not_the_old_place_stays(environment: Path, tmp_path: Path) -> None:
    """Names that only begin or end like it, a link in front of it, and what scripts say of other places."""
    others = f"{environment}-2 {environment}.bak /else{environment} {environment}é"
    (environment / "bin" / "others").write_text(f"#!/bin/sh\necho {others} {environment}\n")
    (environment / "note.txt").write_text(f"in {environment}.\n")
    virtualenv_reflink.fork(environment, tmp_path / "fork")
    assert (tmp_path / "fork" / "bin" / "others").read_text() == f"#!/bin/sh\necho {others} {tmp_path / 'fork'}\n"
    assert (tmp_path / "fork" / "note.txt").read_text() == f"in {tmp_path / 'fork'}.\n"


def test_binary_data_is_left_as_it_is_and_told(environment: Path, tmp_path: Path, reflink: Run) -> None:
    """Of a script that ends in an archive, the line that names its interpreter follows all the same."""
    data = b"\0" + os.fsencode(environment)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr("__main__.py", "import sys; print(sys.prefix)")
        writing.writestr("large", bytes(5 << 20))
    script = b"#!%s/bin/python\n%s" % (os.fsencode(environment), archive.getvalue())
    for name, content in {"archive": script, "binary": data}.items():
        (environment / "bin" / name).write_bytes(content)
        (environment / "bin" / name).chmod(0o755)
    done = reflink("fork", environment, tmp_path / "fork", "--verbose")
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning")]
    assert warnings == ["warning: bin/binary holds the old path in binary data, which was left as it is"]
    assert (tmp_path / "fork" / "bin" / "binary").read_bytes() == data
    assert run(tmp_path / "fork", "archive") == f"{tmp_path / 'fork'}\n"
    assert "   bin/archive\n" in done.stdout


@pytest.mark.parametrize("creator", CREATORS)
def test_an_environment_that_was_moved_or_is_called_by_a_link(tmp_path: Path, creator: str) -> None:
    """What its files call it is not where it is."""
    environment = tmp_path / "env"
    subprocess.run([*CREATORS[creator], environment], check=True, env={**os.environ, "VIRTUALENV_SEEDER": "pip"})
    moved = shutil.move(environment, tmp_path / "moved")
    (tmp_path / "link").symlink_to(moved)
    virtualenv_reflink.fork(tmp_path / "link", tmp_path / "fork")
    assert activated(tmp_path / "fork") == [str(tmp_path / "fork"), f"{tmp_path / 'fork'}/bin/python"]
    assert naming(tmp_path / "fork", environment) == []


def test_kernel_specs_and_links_name_the_new_place(environment: Path, tmp_path: Path) -> None:
    kernel = environment / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(f'{{"argv": ["{environment}/bin/python", "-m", "ipykernel_launcher"]}}')
    (environment / "bin" / "absolute").symlink_to(environment / "bin" / "python")
    (environment / "bin" / "out").symlink_to("../../elsewhere")
    new = tmp_path / "deeper" / 'it"s é'
    virtualenv_reflink.fork(environment, new)
    command = [sys.executable, "-c", "import json, sys; print(json.load(open(sys.argv[1]))['argv'][0])"]
    told = subprocess.check_output([*command, new / kernel.relative_to(environment)], text=True)
    assert told == f"{new}/bin/python\n"
    assert (new / "bin" / "absolute").readlink() == new / "bin" / "python"
    assert (new / "bin" / "out").readlink() == tmp_path / "elsewhere"
    assert stat.S_ISLNK((new / "bin" / "python").lstat().st_mode)
