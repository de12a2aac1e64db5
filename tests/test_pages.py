"""What the pages say: figures and pictures of the committed run, every option there is, links that lead somewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.version_info < (3, 13):
    pytest.skip("the benchmarks are for Python 3.13", allow_module_level=True)

from benchmarks.charts import digest
from benchmarks.pages import CHARTS, PAGES, ROOT, with_figures
from benchmarks.report import RESULT, Report
from virtualenv_reflink.options import SETTINGS, WITH


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_figures_are_those_of_the_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == with_figures(text, PAGES[page](Report.read(RESULT))), "run python -m benchmarks.pages"


def test_charts_are_drawn_from_the_run_and_shown() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    shown = {page.parent / path for page in texts for path in re.findall(r"!\[[^]]*\]\(([^)]+\.svg)\)", texts[page])}
    assert shown == set(CHARTS.iterdir())
    for chart in shown:
        assert f"figures: {digest(RESULT)}" in chart.read_text(encoding="utf-8"), "run python -m benchmarks.pages"


def test_the_readme_is_short() -> None:
    readme = next(page for page in PAGES if page.name == "README.md")
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= 150


def test_every_option_is_in_the_reference_with_its_variable() -> None:
    text = (ROOT / "docs" / "reference" / "options.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(--[a-z-]+)[^`]*` \| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(told) == sorted(
        [("--seeder", "VIRTUALENV_SEEDER"), *((o.flag, o.variable) for o in (*WITH, *SETTINGS))]
    )


def test_links_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
            name, _, heading = target.partition("#")
            place = page.parent / name if name else page
            assert place.exists(), f"{page.name} leads to {target}"
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
            assert not heading or heading in map(_anchor, headings), f"{page.name} leads to {target}"


def _anchor(heading: str) -> str:
    """Return what GitHub makes of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
