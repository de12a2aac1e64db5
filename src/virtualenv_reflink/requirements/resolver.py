"""Request to lock: pip resolves, for the target interpreter."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from virtualenv_reflink.requirements.lock import Lock, Locked
from virtualenv_reflink.requirements.pip import Pip
from virtualenv_reflink.requirements.request import Request


def resolve(request: Request, options: Sequence[str], pip: Pip, on_line: Callable[[str], None]) -> Lock:
    """Return what pip would install with ``options``, beside what the environment has already.

    The report is that of ``pip install --dry-run``, see pip's installation report format.

    :raises ResolveError: with pip's own explanation, when there is no solution.
    """
    with tempfile.TemporaryDirectory(prefix="virtualenv-reflink-") as directory:
        report = Path(directory, "report.json")
        pip.run(["install", "--dry-run", "--report", str(report), *options, *request.arguments()], on_line)
        told = json.loads(report.read_text(encoding="utf-8"))
    return Lock(
        [
            Locked(
                name=entry["metadata"]["name"],
                version=entry["metadata"]["version"],
                requested=entry["requested"],
                is_direct=entry["is_direct"],
                source=entry["download_info"],
            )
            for entry in told["install"]
        ]
    )
