"""A part of the campaign of interruptions; all of it is ``python -m tests.campaign --only interruptions``."""

from __future__ import annotations

import pytest

from tests.campaign.interruptions import run, scenarios_of_all
from tests.campaign.tally import PROBLEMS
from tests.conftest import ONCE, require_mounts

pytestmark = ONCE

FEW = ("install, clone, warm", "upgrade, copy", "install, layer, warm", "upgrade, snapshot", "eject")


@ONCE
@pytest.mark.parametrize(
    ("core", "name"), [*(("native", name) for name in FEW), *(("python", name) for name in FEW[:2])], indirect=["core"]
)
@pytest.mark.usefixtures("core")
def test_an_interrupted_command_leaves_all_as_it_was_and_succeeds_at_once(name: str) -> None:
    scenario = next(each for each in scenarios_of_all() if each.name == name)
    require_mounts(scenario.filesystem)
    (tally,) = run(4, seed=5, scenarios=(scenario,), files=500)
    assert {kind: tally.counts[kind] for kind in PROBLEMS} == dict.fromkeys(PROBLEMS, 0), tally.examples
    assert tally.counts["tried"] == 4
