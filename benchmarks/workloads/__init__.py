"""What is timed: each workload gives its candidates on one filesystem, the baseline first."""

from __future__ import annotations

from benchmarks.setting import REFLINKS
from benchmarks.workloads.care import cache, deletion, explain, fork
from benchmarks.workloads.first_results import collect, first_run
from benchmarks.workloads.making import bytecode, clear, cold, environment, growth, hardlink, install, layer, twenty
from benchmarks.workloads.resolving import remembered, resolvers
from benchmarks.workloads.seeding import OLDER, older_seeds, older_venv, seeds, venv
from benchmarks.workloads.workload import EVERYWHERE, Workload

# Where the cache has files that were handed out as hard links, other modes look at them once more, and layers read them
# after each further link: what uses neither comes first, and the modes that share files have workloads of their own.
WORKLOADS: dict[str, Workload] = {
    "seeds-older": Workload(f"An environment with its seeds, Python {OLDER}", older_seeds, filesystems=REFLINKS),
    "venv-older": Workload(f"An environment with pip and setuptools, Python {OLDER}", older_venv, slowness=2),
    "environment-10": Workload("An environment of 10 packages", environment("10"), ("10",), quick=EVERYWHERE),
    "environment-139": Workload("An environment of 139 packages", environment("139"), ("139",), quick=("btrfs",)),
    "environment-400": Workload("An environment of 400 packages", environment("400"), ("400",), ("btrfs",), slowness=7),
    "install": Workload("139 packages into an environment", install, ("139",), REFLINKS, slowness=2),
    "seeds": Workload("An environment with its seeds", seeds, quick=EVERYWHERE),
    "venv": Workload("An environment with pip", venv, quick=("btrfs",)),
    "layer": Workload("139 packages as a layer", layer, ("139",), slowness=2),
    "growth": Workload("Time against size", growth, ("10", "139", "400"), ("btrfs",), slowness=2),
    "resolve": Workload(
        "The environment of 139 packages, from requirements", remembered, ("139",), ("btrfs",), slowness=3
    ),
    "resolvers": Workload("139 packages resolved", resolvers, ("139",), ("btrfs",), slowness=2),
    "first-run": Workload("139 packages, to the first result", first_run, ("139",), quick=("btrfs",), slowness=3),
    "collect": Workload("139 packages, to collected tests", collect, ("139",), ("btrfs",), slowness=7),
    "bytecode": Workload("139 packages, copied or compiled", bytecode, ("139",), ("btrfs",), slowness=7),
    "clear": Workload("139 packages over themselves", clear, ("139",), ("btrfs",), slowness=2),
    "twenty": Workload(
        "Twenty environments of 10 packages at once", twenty, ("10",), ("btrfs",), ("btrfs",), slowness=2
    ),
    "cold": Workload("139 packages, cold cache", cold, ("139",), REFLINKS, slowness=3, warming=0),
    "fork": Workload("139 packages, forked", fork, ("139",), REFLINKS),
    "explain": Workload("139 packages, explained", explain, ("139",), REFLINKS),
    "cache": Workload("A cache of 400 packages, looked through", cache, ("400",), ("btrfs",)),
    "hardlink": Workload("139 packages as hard links", hardlink, ("139",), slowness=2),
    # last, for what it leaves to btrfs
    "deletion": Workload("139 packages, deleted", deletion, ("139",), REFLINKS, slowness=3),
}

__all__ = ["EVERYWHERE", "OLDER", "WORKLOADS", "Workload"]
