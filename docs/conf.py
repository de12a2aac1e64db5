"""The pages as a site of static files: ``tox run -e docs``."""

from __future__ import annotations

from importlib import metadata

from virtualenv_reflink.cli.pip_options import PIP_OPTIONS

project = "virtualenv-reflink"
release = metadata.version(project)
extensions = ["myst_parser", "sphinx_argparse_cli"]
html_theme = "furo"
html_title = f"{project} {release}"
html_show_sphinx = False
html_show_copyright = False
html_show_sourcelink = False
# as GitHub makes them, so that links lead to the same places there and here
myst_heading_anchors = 4
myst_enable_extensions = ["substitution"]
# those that parsers hide, as their help would be pip's
_rows = (f"| {', '.join(f'`{name}`' for name in each.names)} | {each.treatment.value} |" for each in PIP_OPTIONS)
myst_substitutions = {"options_of_pip": "\n".join(["| option | what is done |", "| --- | --- |", *_rows])}
