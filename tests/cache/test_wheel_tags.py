"""Wheel tags computed here are what packaging and pip find out inside of the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import packaging
import pytest
from packaging import tags
from packaging.markers import default_environment

from tests.support.interpreters import VERSIONS, interpreter
from virtualenv_reflink.cache.interpreter import ask_interpreter, parse_facts
from virtualenv_reflink.cache.raw_facts import raw_facts
from virtualenv_reflink.cache.wheel_tags import wheel_tags

PYTHONS = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python"))


def made_up(**facts: Any) -> dict[str, Any]:
    return {**raw_facts(), **facts}


def test_our_own_interpreter() -> None:
    facts = parse_facts(ask_interpreter(Path(sys.executable)))
    assert facts.wheel_tags == [str(tag) for tag in tags.sys_tags()]
    assert facts.markers == default_environment()


@pytest.mark.parametrize("python", [path for path in PYTHONS if int(path.parts[-3].split(".")[1]) >= 8], ids=str)
def test_as_pip_in_the_interpreter(python: Path) -> None:
    ours = parse_facts(ask_interpreter(python))
    said = subprocess.run(
        [python, "-m", "pip", "debug", "--verbose"], capture_output=True, text=True, check=True
    ).stdout
    theirs = [line.strip() for line in said.partition("Compatible tags")[2].splitlines()[1:] if line.strip()]
    assert sorted(ours.wheel_tags) == sorted(theirs)

    # where plain Linux stands among them has changed over time
    def order(found: list[str]) -> list[str]:
        return [tag for tag in found if "-linux_" not in tag]

    assert order(ours.wheel_tags) == order(theirs)


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != "3.9"])
def test_as_packaging_in_the_interpreter(version: str) -> None:
    python = interpreter(version)
    if sys.platform == "linux" and not next(tags.platform_tags()).startswith("linux_"):
        pytest.skip("this packaging puts the plain tag of Linux last, where pip has it first")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from packaging import tags; print(*tags.sys_tags())"
    said = subprocess.check_output([python, "-I", "-c", code, Path(packaging.__file__).parents[1]], text=True)
    assert parse_facts(ask_interpreter(python)).wheel_tags == said.split()


@pytest.mark.skipif(not os.path.exists("/lib64/ld-linux-x86-64.so.2"), reason="glibc on x86-64")
def test_another_libc_and_width() -> None:
    version = (3, 13)
    same = wheel_tags(made_up(version=version, version_nodot="313", debug=False, free_threaded=False))
    glibc = raw_facts()["glibc"]
    newer = f"{glibc.split('.')[0]}.{int(glibc.split('.')[1]) + 1}"
    more = wheel_tags(made_up(version=version, version_nodot="313", debug=False, free_threaded=False, glibc=newer))
    new = newer.replace(".", "_")
    assert set(more) - set(same) == {tag for tag in more if f"manylinux_{new}_" in tag}
    assert set(same) < set(more)
    narrow = wheel_tags(made_up(bits=32))
    assert not [tag for tag in narrow if tag.endswith("x86_64")]
    assert any(tag.endswith("-manylinux1_i686") for tag in narrow)
    arm = wheel_tags(made_up(bits=32, platform="linux-aarch64"))
    assert {"linux_armv8l", "linux_armv7l", "manylinux_2_17_armv7l", "manylinux2014_armv8l"} <= {
        tag.split("-")[2] for tag in arm
    }
    musl = {tag.split("-")[2] for tag in wheel_tags(made_up(glibc=None))}
    assert not [platform for platform in musl if "manylinux" in platform]


@pytest.mark.parametrize(
    ("facts", "best", "has", "lacks"),
    [
        ({"debug": True}, "cp313-cp313d-", "cp313-cp313-", "cp313-cp313t-"),
        ({"free_threaded": True}, "cp313-cp313t-", "cp313-none-", "cp313-abi3-"),
        ({"free_threaded": True, "debug": True}, "cp313-cp313td-", "cp313-cp313t-", "cp313-cp313-"),
        (
            {"implementation": "pypy", "extension_suffix": ".pypy311-pp73-x86_64-linux-gnu.so", "version_nodot": "311"},
            "pp311-pypy311_pp73-",
            "pp3-none-any",
            "cp313-",
        ),
        (
            {"implementation": "graalpy", "extension_suffix": ".graalpy-38-native-x86_64-darwin.dylib"},
            "graalpy313-graalpy_38_native-",
            "py3-none-any",
            "cp313-",
        ),
    ],
)
def test_builds_and_implementations(facts: dict[str, Any], best: str, has: str, lacks: str) -> None:
    base = {"version": (3, 13), "version_nodot": "313", "debug": False, "free_threaded": False}
    found = wheel_tags(made_up(**{**base, **facts}))
    assert found[0].startswith(best)
    assert any(tag.startswith(has) for tag in found)
    assert not any(tag.startswith(lacks) for tag in found)


def test_other_systems() -> None:
    machine = {**raw_facts()["markers"], "platform_machine": "arm64"}
    mac = wheel_tags(made_up(platform="macosx-11.0-arm64", macos="14.5", glibc=None, markers=machine))
    platforms = list(tags.mac_platforms((14, 5), "arm64"))
    assert mac[: len(platforms)] == [f"{mac[0].rpartition('-')[0]}-{platform}" for platform in platforms]
    windows = {tag.split("-")[2] for tag in wheel_tags(made_up(platform="win-amd64", glibc=None))}
    assert windows == {"win_amd64", "any"}


def test_the_script_needs_nothing_but_the_standard_library() -> None:
    assert sysconfig.get_platform() == raw_facts()["platform"]
    for python in PYTHONS:
        assert parse_facts(ask_interpreter(python)).markers["python_version"] in str(python)
