"""The examples of the README and of the tutorial, typed word for word as a new user would, in an empty home.

Only the place that the project comes from is another one: the README's checkout is a copy of this one, and for pip, the
published name is the wheel that was built of it. All else comes from the package index.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ONCE
from tests.provision.test_ordinary_user import AS_NOBODY, NOBODY

ROOT = Path(__file__).parents[1]
CHECKOUT = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py", "src")
# what a user has whose package index is another one, or behind a proxy
OF_THE_NETWORK = re.compile(r"PIP_.*|SSL_CERT_.*|.*_CA_BUNDLE|.*_proxy", re.IGNORECASE)
BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "--- end of what a command prints ---"

pytestmark = [ONCE, pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")]


class Example(NamedTuple):
    """A command, and what it prints, ``...`` standing for anything; None where the page does not show that."""

    command: str
    printed: str | None


@pytest.mark.parametrize(
    ("page", "place", "user"),
    [("README.md", "ext4", []), ("docs/tutorial/first-environments.md", "btrfs", AS_NOBODY)],
    indirect=["place"],
    ids=["README", "tutorial"],
)
def test_each_command_does_what_the_page_says(page: str, place: Path, user: Sequence[str], project_wheel: Path) -> None:
    examples = list(examples_of((ROOT / page).read_text(encoding="utf-8")))
    assert examples
    checkout = checkout_in(place)
    (place / "wheels").mkdir()
    shutil.copy(project_wheel, place / "wheels")
    if user:
        hand_over(place)
    done = subprocess.run(
        [*user, "bash", "-uc", "\n".join(f"{each.command}\n[ $? = 0 ] || exit\necho '{END}'" for each in examples)],
        cwd=checkout,
        env=environ_of_a_new_user(place),
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout.split(f"{END}\n")
    assert done.returncode == 0, f"{examples[len(printed) - 1].command}: {printed[-1]}{done.stderr}"
    for example, text in zip(examples, printed, strict=False):
        wanted = text if example.printed is None else example.printed
        agrees = OutputChecker().check_output(wanted, text, ELLIPSIS | NORMALIZE_WHITESPACE)
        assert agrees, f"{example.command} prints\n{text}where {page} shows\n{wanted}"


def examples_of(page: str) -> Iterator[Example]:
    for language, text in BLOCK.findall(page):
        if language == "sh":
            yield from (Example(command, None) for command in text.splitlines())
        else:
            for session in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                yield Example(*session.split("\n", 1))


def checkout_in(place: Path) -> Path:
    """Make a checkout of this project that has requirements of its own, as the README has it."""
    checkout = place / "checkout"
    checkout.mkdir()
    for name in CHECKOUT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, checkout / name)
    (checkout / "requirements.txt").write_text("flask>=3\n")
    return checkout


def environ_of_a_new_user(place: Path) -> dict[str, str]:
    network = {name: value for name, value in os.environ.items() if OF_THE_NETWORK.fullmatch(name)}
    path = os.pathsep.join([f"{sys.base_prefix}/bin", "/usr/bin", "/bin"])
    found = " ".join(filter(None, [network.get("PIP_FIND_LINKS"), str(place / "wheels")]))
    home = {"HOME": str(place), "TMPDIR": str(place), "LANG": "C.UTF-8"}
    return {**network, **home, "PATH": path, "PIP_FIND_LINKS": found}


def hand_over(place: Path) -> None:
    """Have an ordinary user own ``place`` and all that is in it, and permit the way there."""
    for directory, _, names in os.walk(place):
        for path in (directory, *(f"{directory}/{name}" for name in names)):
            os.chown(path, NOBODY, NOBODY)
    place.parent.parent.chmod(0o755)
