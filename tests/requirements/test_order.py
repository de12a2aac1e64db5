"""Packages are installed in pip's order, so that of a file which several hold the same one stays."""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ONCE, Install, bare
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.requirements.order import Node, installation_order

pytestmark = ONCE

LETTERS = "abcdefgh"
NAMES = (*LETTERS, "m", "z", "addon", "base", "one", "two", "three", "leaf")


def make(directory: Path, name: str, needs: list[str], metadata: str = "") -> None:
    """Write a wheel that shares a script with all others, and a file with each of them."""
    requires = "".join(f"Requires-Dist: {need}\n" for need in needs)
    pairs = {f"pair_{min(name, other)}_{max(name, other)}.py": f"# {name}".encode() for other in NAMES if other != name}
    scripts = f"[console_scripts]\ntool = {name}:main\n"
    make_wheel(directory, pairs, name=name, metadata=requires + metadata, entry_points=scripts)


def winners(environment: Path) -> dict[str, str]:
    """Return whose each shared file is."""
    found = {path.name: path.read_text() for path in site_packages(environment).glob("pair_*.py")}
    imported = re.search(r"from (\w+) import main", (environment / "bin" / "tool").read_text())
    return {**found, "tool": imported[1] if imported else ""}


def pip_order(links: Path, into: Path, *wanted: object) -> list[str]:
    """Let pip install, and return the order that it tells."""
    command = [sys.executable, "-m", "pip", "--python", into, "install", "--no-index", "--find-links", links, *wanted]
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    found = re.search(r"Installing collected packages: (.*)", done.stdout)
    return found[1].split(", ") if found else []


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "")


@pytest.mark.parametrize("mode", ["copy", "hardlink", "layer"])
def test_what_overrides_its_dependency_stays(mode: str, tmp_path: Path, install: Install) -> None:
    links = tmp_path / "links"
    links.mkdir()
    make(links, "addon", ["base"])
    make(links, "base", [])
    ours, theirs = bare(tmp_path / "ours"), bare(tmp_path / "theirs")
    install("--link-mode", mode, "--no-index", "-f", links, "addon", "base", into=ours)
    pip_order(links, theirs, "addon", "base")
    reading = "import pair_addon_base as p; print(open(p.__file__).read())"
    done = subprocess.run([ours / "bin" / "python", "-c", reading], capture_output=True, text=True, check=True)
    assert done.stdout == "# addon\n"
    assert winners(theirs)["pair_addon_base.py"] == "# addon"
    assert "from addon import main" in (ours / "bin" / "tool").read_text()


@pytest.mark.parametrize("seed", range(6))
def test_random_graphs_without_circles(seed: int, tmp_path: Path, install: Install) -> None:
    """With extras, markers that do not hold, and Requires-Python, all of which count in pip's order."""
    chance = random.Random(seed)
    links = tmp_path / "links"
    links.mkdir()
    for number, name in enumerate(LETTERS):
        needs = []
        for other in chance.sample(LETTERS[:number], min(number, chance.randrange(3))):
            extra = chance.choice(["", "", "[x]"])
            marker = chance.choice(["", "", "; python_version < '3'", "; extra == 'x'"])
            needs.append(f"{other}{extra}{marker}")
        metadata = "Provides-Extra: x\n" + chance.choice(["", "Requires-Python: >=3.8\n"])
        make(links, name, needs, metadata)
    wanted = [chance.choice(["", "[x]"]).join([name, ""]) for name in chance.sample(LETTERS, 5)]
    ours, theirs = bare(tmp_path / "ours"), bare(tmp_path / "theirs")
    pip_order(links, theirs, *wanted)
    install("--no-index", "-f", links, *wanted, into=ours)
    assert winners(ours) == winners(theirs)


def test_circles_end(tmp_path: Path, install: Install) -> None:
    links = tmp_path / "links"
    links.mkdir()
    make(links, "one", ["two"])
    make(links, "two", ["three"])
    make(links, "three", ["one", "leaf"])
    make(links, "leaf", [])
    ours, theirs = bare(tmp_path / "ours"), bare(tmp_path / "theirs")
    install("--no-index", "-f", links, "one", into=ours)
    pip_order(links, theirs, "one")
    assert winners(ours) == winners(theirs)


def test_what_is_installed_already_joins_new_packages(tmp_path: Path, install: Install) -> None:
    links, ours, theirs = tmp_path / "links", bare(tmp_path / "ours"), bare(tmp_path / "theirs")
    links.mkdir()
    make(links, "a", ["m"])
    make(links, "m", ["z>=0"])
    make(links, "z", [])
    pip_order(links, theirs, "m")
    install("--no-index", "-f", links, "m", into=ours)
    wanted = ("a", "z", "--upgrade", "--force-reinstall")
    pip_order(links, theirs, *wanted)
    install("--no-index", "-f", links, *wanted, into=ours)
    assert winners(ours) == winners(theirs)


def test_a_lock_is_installed_in_the_same_order(tmp_path: Path, install: Install) -> None:
    links = tmp_path / "links"
    links.mkdir()
    make(links, "a", ["z"])
    make(links, "z", [])
    make(links, "m", ["a"])

    lines = ['lock-version = "1.0"', 'created-by = "x"']
    for name in ("a", "m", "z"):
        wheel = links / f"{name}-1.0-py3-none-any.whl"
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines += ["[[packages]]", f'name = "{name}"', 'version = "1.0"', "[[packages.wheels]]"]
        lines += [f'path = "{wheel}"', f'hashes = {{sha256 = "{digest}"}}']
    (tmp_path / "pylock.toml").write_text("\n".join(lines))
    ours, theirs = bare(tmp_path / "ours"), bare(tmp_path / "theirs")
    order = pip_order(links, theirs, "-r", tmp_path / "pylock.toml")
    install("--lock", tmp_path / "pylock.toml", into=ours)
    assert order == ["z", "a", "m"]
    assert winners(ours) == winners(theirs)

    cache = tmp_path / "cache"
    lock = ("--lock", tmp_path / "pylock.toml", "--wheel-cache", cache)
    install(*lock, into=bare(tmp_path / "first"))
    (note,) = cache.glob("*/orders/*")
    for number, text in enumerate([note.read_text(), "[2, 2, 0]", "[0]", ""]):
        note.write_text(text)
        again = bare(tmp_path / f"again-{number}")
        install(*lock, into=again)
        assert winners(again) == winners(theirs)
        assert note.read_text() == "[2, 0, 1]"


def test_a_large_circle_takes_no_time() -> None:
    names = [f"p{number}" for number in range(300)]
    nodes = [Node(name, names, requested=name == "p0") for name in names]
    assert sorted(installation_order(nodes, {})) == list(range(300))
