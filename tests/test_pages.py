"""What the pages say: figures and pictures of the committed run, options and variables, links that lead somewhere."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

import pytest

if sys.version_info < (3, 13):
    pytest.skip("the benchmarks are for Python 3.13", allow_module_level=True)

from benchmarks.charts import digest
from benchmarks.pages import CHARTS, PAGES, ROOT, with_figures
from benchmarks.report import RESULT, Report
from virtualenv_reflink import cli
from virtualenv_reflink.cli import cache
from virtualenv_reflink.options import SETTINGS, WITH

REFERENCE = ROOT / "docs" / "reference"
# names that look like those of variables
OTHER_NAMES = {*("ENV_DIR", "NEW_ENV", "ENV_OR_PYTHON"), "CS_GNU_LIBC_VERSION", "EXT_SUFFIX"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_figures_are_those_of_the_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == with_figures(text, PAGES[page](Report.read(RESULT))), "run python -m benchmarks.pages"


def test_charts_are_drawn_from_the_run_and_shown() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    shown = {
        (page.parent / path).resolve()
        for page in texts
        for path in re.findall(r"!\[[^]]*\]\(([^)]+\.svg)\)", texts[page])
    }
    assert shown == set(CHARTS.iterdir())
    for chart in shown:
        assert f"figures: {digest(RESULT)}" in chart.read_text(encoding="utf-8"), "run python -m benchmarks.pages"


def test_the_readme_is_short() -> None:
    readme = next(page for page in PAGES if page.name == "README.md")
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= 150


def test_every_option_is_in_the_reference_with_its_variable() -> None:
    text = (REFERENCE / "options.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(--[a-z-]+)[^`]*` \| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(told) == sorted(
        [("--seeder", "VIRTUALENV_SEEDER"), *((o.flag, o.variable) for o in (*WITH, *SETTINGS))]
    )


def test_the_reference_is_made_of_the_parser_of_every_command() -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    told = re.findall(r"^:module: (.+)\n:func: (.+)\n:prog: virtualenv-reflink (.+)$", text, re.MULTILINE)
    commands = [*(cli._COMMANDS.keys() - {"cache"}), *(f"cache {name}" for name in cache._COMMANDS)]
    assert sorted(program for _, _, program in told) == sorted(commands)
    for module, function, program in told:
        assert getattr(import_module(module), function)().prog == f"virtualenv-reflink {program}"


def test_every_variable_is_in_the_reference() -> None:
    pages = "".join((REFERENCE / name).read_text(encoding="utf-8") for name in ("options.md", "variables.md"))
    told = re.findall(r"^\|(?: `--[^|]*\|)? `([A-Z_*]+)` \|", pages, re.MULTILINE)
    known = {option.variable for option in (*WITH, *SETTINGS)} | set(_names_of_variables())
    assert {name for name in known if not any(fnmatchcase(name, pattern) for pattern in told)} == set()
    assert {pattern for pattern in told if not any(fnmatchcase(name, pattern) for name in known)} == set()


def _names_of_variables() -> Iterator[str]:
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = str(node.value) if isinstance(node, ast.Constant) else ""
            # LOCK_ and O_ are for flags of system calls
            if re.fullmatch(r"PYTHON[A-Z]+|(?!LOCK_|O_)[A-Z]+(_[A-Z]+)+", text) and text not in OTHER_NAMES:
                yield text


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
