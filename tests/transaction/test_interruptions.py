"""A part of the campaign of interruptions; all of it is ``python -m tests.campaign --only interruptions``."""

from __future__ import annotations

import pytest

from tests.campaign.interruptions import run, scenarios_of_all
from tests.campaign.tally import PROBLEMS
from tests.conftest import ONCE, require_mounts

pytestmark = ONCE


@pytest.mark.parametrize(
    ("core", "filesystem", "names"),
    [
        ("native", "btrfs", {"install, clone, warm", "upgrade, snapshot"}),
        ("native", "ext4", {"install, layer, warm", "upgrade, copy", "eject"}),
        ("python", "btrfs", {"install, clone, warm"}),
        ("python", "ext4", {"upgrade, copy"}),
    ],
    indirect=["core"],
)
@pytest.mark.usefixtures("core")
def test_an_interrupted_command_leaves_all_as_it_was_and_succeeds_at_once(filesystem: str, names: set[str]) -> None:
    require_mounts(filesystem)
    scenarios = tuple(each for each in scenarios_of_all() if each.filesystem == filesystem and each.name in names)
    assert {each.name for each in scenarios} == names
    tallies = list(run(4 * len(scenarios), seed=5, scenarios=scenarios, files=500))
    for tally in tallies:
        assert {kind: tally.counts[kind] for kind in PROBLEMS} == dict.fromkeys(PROBLEMS, 0), tally.examples
        assert tally.counts["tried"] == 4
    assert len(tallies) == len(names)
