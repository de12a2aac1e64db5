"""Environments and caches that exist: deleted, forked, explained, looked through."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.processes import Command
from benchmarks.rounds import Candidate
from benchmarks.setting import Setting, with_caches_in
from benchmarks.workloads.workload import Candidates, anew

_OURS = [sys.executable, "-m", "virtualenv_reflink"]


def deletion(setting: Setting) -> Candidates:
    """An environment of 139 packages deleted, by ``rm -rf`` and by us."""
    modes = ["clone", *(["snapshot"] if setting.filesystem == "btrfs" else [])]
    makers = {mode: setting.ours("139", mode) for mode in modes}
    rm: Command = ["rm", "-rf", setting.environment]
    remove: Command = [*_OURS, "remove", "-q", setting.environment]
    candidates = {f"rm -rf, {mode}": _found(setting, make, rm) for mode, make in makers.items()}
    if setting.uv:
        candidates["rm -rf, uv's clone, no bytecode"] = _found(setting, setting.uvs("139", "clone"), rm)
    candidates |= {f"remove, {mode}": _found(setting, make, remove) for mode, make in makers.items()}
    first, *_ = candidates
    # the last one leaves its snapshot to btrfs, which would take the time for that from the next one
    return {**candidates, first: candidates[first]._replace(prepare=lambda: _prepare_first(setting, makers["clone"]))}


def _prepare_first(setting: Setting, make: Sequence[Command]) -> None:
    setting.wait_for_deletions()
    setting.make(make)


def _found(setting: Setting, make: Sequence[Command], command: Command) -> Candidate:
    return Candidate([command], lambda: setting.make(make))


def fork(setting: Setting) -> Candidates:
    """An environment of 139 packages with bytecode, copied to another place."""
    tree = setting.reference("139")
    commands: dict[str, list[Command]] = {
        "cp -a --reflink=always": setting.copied(tree),
        "fork, clone": [[*_OURS, "fork", "-q", tree, setting.environment]],
    }
    if setting.filesystem == "btrfs":
        snapshot = setting.reference("139", mode="snapshot")
        commands["fork, snapshot"] = [[*_OURS, "fork", "-q", snapshot, setting.environment]]
    return anew(setting, {**commands, "python -c pass": [[sys.executable, "-c", "pass"]]})


def explain(setting: Setting) -> Candidates:
    """An environment of 139 packages that came by clone."""
    return anew(setting, {"explain": [[*_OURS, "explain", "--json", setting.reference("139")]]})


def cache(setting: Setting) -> Candidates:
    """What a cache of 400 packages and nothing else takes, and what could be taken out of it."""
    directory = setting.place / "cache-of-400"
    ours = [*with_caches_in(directory, setting), *_OURS, "cache"]
    if not directory.exists():
        setting.make([[*ours, "fill", "-q", "--lock", setting.packages.lock("400")]])
    return anew(
        setting,
        {"cache size": [[*ours, "size", "--json"]], "cache prune --dry-run": [[*ours, "prune", "--dry-run"]]},
    )
