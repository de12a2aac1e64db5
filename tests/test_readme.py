"""The README's figures and pictures are those of the committed run."""

from __future__ import annotations

import re
import sys

import pytest

if sys.version_info < (3, 13):
    pytest.skip("the benchmarks are for Python 3.13", allow_module_level=True)

from benchmarks.charts import digest
from benchmarks.readme import CHARTS, README, ROOT, with_figures
from benchmarks.report import RESULT, Report


def test_figures_in_the_readme_are_those_of_the_run() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_figures(text, Report.read(RESULT)), "run python -m benchmarks.readme"


def test_charts_are_drawn_from_the_run_and_shown() -> None:
    shown = {
        ROOT / path for path in re.findall(r"!\[[^]]*\]\((docs/charts/[^)]+)\)", README.read_text(encoding="utf-8"))
    }
    assert shown == set(CHARTS.iterdir())
    for chart in shown:
        assert f"figures: {digest(RESULT)}" in chart.read_text(encoding="utf-8"), "run python -m benchmarks.readme"
