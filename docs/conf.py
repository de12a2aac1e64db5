"""The pages as a site of static files: ``tox run -e docs``."""

from __future__ import annotations

from importlib.metadata import version

project = "virtualenv-reflink"
release = version(project)
extensions = ["myst_parser", "sphinx_argparse_cli"]
html_theme = "furo"
html_title = f"{project} {release}"
html_show_sphinx = False
html_show_copyright = False
html_show_sourcelink = False
# as GitHub makes them, so that links lead to the same places there and here
myst_heading_anchors = 4
