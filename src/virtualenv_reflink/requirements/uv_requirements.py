"""A requirement as uv reads it, where that differs from pip."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from virtualenv_reflink.requirements.named import is_url
from virtualenv_reflink.requirements.reading import EDITABLE

if TYPE_CHECKING:
    from virtualenv_reflink.requirements.reading import ReadRequirement

_EXTRAS = re.compile(r"\[[^\]]+\]$")


def requirement_line(requirement: ReadRequirement) -> str:
    """Return a line for a requirements file of uv; paths, which may have any form with pip, are absolute addresses."""
    text = requirement.text
    if requirement.named.path and not requirement.named.project and not is_url(text):
        place, semicolon, marker = text.partition(";")
        extras = _EXTRAS.search(place.strip())
        text = requirement.named.path.as_uri() + (extras[0] if extras else "") + (f" ;{marker}" if semicolon else "")
    return f"-e {text}" if requirement.role == EDITABLE else text
