"""From nothing to what an environment was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.processes import Command
from benchmarks.setting import Setting
from benchmarks.workloads.workload import Candidates, anew

_IMPORTS = (
    "numpy, pandas, scipy.stats, matplotlib.pyplot, sklearn.ensemble, sqlalchemy, django.db, fastapi, "
    "botocore.session, sympy, polars, pyarrow"
)
_COLLECTED = "sklearn.tree"


def first_run(setting: Setting) -> Candidates:
    """From nothing to the first result: an environment of 139 packages, and a program that imports a dozen of them."""
    makers = _makers(setting)
    if setting.uv and setting.filesystem == "btrfs":
        # it takes half a minute, and much the same on all
        makers["uv, default, --compile-bytecode"] = setting.uvs("139", "default", "--compile-bytecode")
    return _and_then(setting, makers, [setting.python(), "-c", f"import {_IMPORTS}"])


def collect(setting: Setting) -> Candidates:
    """From nothing to the tests of one library, collected by pytest."""
    words = ["-q", "--collect-only", "-p", "no:cacheprovider", "--pyargs", _COLLECTED]
    return _and_then(setting, _makers(setting), [setting.python(), "-m", "pytest", *words])


def _makers(setting: Setting) -> dict[str, list[Command]]:
    makers = {"uv, default": setting.uvs("139", "default")} if setting.uv else {}
    return makers | {f"ours, {mode}": setting.ours("139", mode) for mode in ("default", *setting.constant_time_modes)}


def _and_then(setting: Setting, makers: Mapping[str, Sequence[Command]], program: Command) -> Candidates:
    return anew(setting, {name: [*make, program] for name, make in makers.items()})
