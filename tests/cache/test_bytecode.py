"""Bytecode is what the very interpreter makes of a source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ONCE, Run
from tests.support.comparison import site_packages
from tests.support.interpreters import interpreters
from tests.support.wheels import make_wheel

_HEADER = 16
_COMPILE = "import py_compile, sys; py_compile.compile(sys.argv[1], cfile=sys.argv[2], dfile='sample.py')"


@ONCE
def test_releases_that_compile_in_different_ways_share_nothing(tmp_path: Path, reflink: Run) -> None:
    # the bytecode that Python 3.13.0 makes of this can crash later releases, which have the same magic number
    wheel = make_wheel(tmp_path, {"sample.py": b"def numbers():\n    return (n for n in range(3))\n"})
    pythons = {subprocess.check_output([python, "--version"]): python for python in interpreters("3.13")}
    if len(pythons) < 2:
        pytest.skip("there is one release of Python 3.13 only")
    for number, python in enumerate(pythons.values()):
        environment = tmp_path / f"env-{number}"
        options = ["--wheel-cache", tmp_path / "cache", "-p", python, "--without-pip", "--with", wheel]
        reflink("venv", *options, environment)
        (made,) = site_packages(environment).glob("__pycache__/sample.*.pyc")
        expected = tmp_path / f"expected-{number}"
        source = site_packages(environment) / "sample.py"
        subprocess.run([python, "-c", _COMPILE, source, expected], check=True)
        assert made.read_bytes()[_HEADER:] == expected.read_bytes()[_HEADER:]
