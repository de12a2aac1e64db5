"""The registry of link modes, and what the README and the page about them tell of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from virtualenv_reflink.errors import LinkModeError
from virtualenv_reflink.placing.mode import FileMode
from virtualenv_reflink.provision.link_modes import DEFAULT, LINK_MODES, descriptions, link_modes, tree_mode

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("page", "columns_besides"), [("README.md", 0), ("docs/reference/link-modes.md", 1)])
def test_the_table_is_that_of_the_registry(page: str, columns_besides: int) -> None:
    rows = re.findall(
        r"^\| (`\w+`(?: \(default\))? \| .*) \|$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE
    )
    told = [row.split(" | ") for row in rows]
    expected = []
    for mode in descriptions():
        name = f"`{mode.name}` (default)" if mode.name == DEFAULT else f"`{mode.name}`"
        expected.append([name, mode.how, "yes" if mode.isolates else "**no**", mode.where])
    assert [[*row[:3], *row[3 + columns_besides :]] for row in told] == expected


def test_what_is_chosen_by_itself_isolates() -> None:
    modes = link_modes(DEFAULT)
    assert not modes.shares_inodes
    assert all(mode.isolates for mode in modes.files)
    assert modes.tree is None
    assert modes.for_many is not None
    assert tree_mode(modes.for_many).isolates


@pytest.mark.parametrize("name", LINK_MODES)
def test_every_mode_can_place_files(name: str) -> None:
    modes = link_modes(name)
    assert modes.files
    assert all(issubclass(mode, FileMode) and not mode.whole for mode in modes.files)
    assert modes.tree is None or modes.tree.whole


def test_a_mode_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(
        LinkModeError, match="there is no link mode 'reflink'; choose from auto, clone, snapshot, layer"
    ):
        link_modes("reflink")
