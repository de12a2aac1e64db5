"""Which link mode the default one comes to on a filesystem, and why, as this project tells it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.processes import output


def default_mode(place: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the ``mode`` by which many files come where none is named, and the ``reasons`` why no quicker one."""
    told = output([sys.executable, "-m", "virtualenv_reflink", "explain", "--json", place], environ)
    taken: dict[str, Any] = json.loads(told)["auto_for_many_files"]
    return taken


def why_other(taken: Mapping[str, Any] | None, mode: str) -> str | None:
    """Say why the default came to another mode than this one, or None where it did not, or nobody asked."""
    if taken is None or taken["mode"] == mode:
        return None
    return f"the default takes {taken['mode']} here: {', '.join(taken['reasons'])}"
