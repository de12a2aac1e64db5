"""What this project promises, each with the figure of a run beside it."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Compared, beyond, growth, hundred, median, memory, ratio
from benchmarks.judging import Judged, Target, judge
from benchmarks.report import Report
from benchmarks.workloads import OLDER

_REFLINKS = ("btrfs", "xfs")
_CONSTANT_TIME = (("snapshot", "btrfs"), ("layer", "btrfs"), ("layer", "xfs"), ("layer", "ext4"))


def judged(report: Report) -> list[Judged]:
    """Return all targets with their figures."""
    parts = (_making(), _first_time(), _seeding(), _caring(), _constant_time(), _sharing())
    return [judge(target, report) for part in parts for target in part]


def _making() -> Iterator[Target]:
    peer = "uv, default, no bytecode"
    yield ratio(
        "139 packages with bytecode, by default, to uv's default, btrfs",
        0.12,
        Compared("environment-139", "btrfs", "ours, default", peer),
        needs_mode="snapshot",
    )
    yield ratio(
        "139 packages with bytecode, in snapshot mode, to uv's default, btrfs",
        0.12,
        Compared("environment-139", "btrfs", "ours, snapshot", peer),
    )
    for filesystem, limit in (("btrfs", 0.9), ("xfs", 1.0)):
        yield ratio(
            f"139 packages in clone mode, no bytecode, to uv's clone, {filesystem}",
            limit,
            Compared("environment-139", filesystem, "ours, clone, no bytecode", "uv, clone, no bytecode"),
        )
    for filesystem in _REFLINKS:
        yield ratio(
            f"139 packages in clone mode, with bytecode, to the limit program, {filesystem}",
            1.15,
            Compared("environment-139", filesystem, "ours, clone", "limit"),
        )
    for workload, mode, limit in (("hardlink", "hardlink", 1.0), ("environment-139", "copy", 0.3)):
        yield ratio(
            f"139 packages in {mode} mode, no bytecode, to uv's {mode}, ext4",
            limit,
            Compared(workload, "ext4", f"ours, {mode}, no bytecode", f"uv, {mode}, no bytecode"),
        )
    for filesystem in _REFLINKS:
        for name, what in (("--lock", "a lock"), ("-r", "remembered requirements")):
            ours = f"install {name}, clone" + (", remembered" if name == "-r" else "")
            yield ratio(
                f"139 packages from {what} in clone mode, no bytecode, to uv pip install, {filesystem}",
                1.0,
                Compared("install", filesystem, ours, "uv pip install, clone"),
            )


def _first_time() -> Iterator[Target]:
    first_run = "139 packages and a first run that imports a dozen of them"
    yield ratio(
        f"{first_run}, by default, to uv's, btrfs",
        0.3,
        Compared("first-run", "btrfs", "ours, default", "uv, default"),
        needs_mode="snapshot",
    )
    yield ratio(
        f"{first_run}, in snapshot mode, to uv's, btrfs",
        0.3,
        Compared("first-run", "btrfs", "ours, snapshot", "uv, default"),
    )
    for filesystem, limit in (("xfs", 0.38), ("ext4", 0.4)):
        yield ratio(
            f"{first_run}, by default, to uv's, {filesystem}",
            limit,
            Compared("first-run", filesystem, "ours, default", "uv, default"),
        )
    for filesystem in _REFLINKS:
        yield ratio(
            f"139 packages with an empty cache, no bytecode, to uv, {filesystem}",
            1.2,
            Compared("cold", filesystem, "ours, clone, no bytecode", "uv, clone, no bytecode"),
        )
        yield ratio(
            f"139 packages with an empty cache and bytecode, to uv --compile-bytecode, {filesystem}",
            1.0,
            Compared("cold", filesystem, "ours, clone", "uv, clone, --compile-bytecode"),
        )
    resolving = "pip resolves, installs nothing"
    yield ratio(
        "139 names resolved with --resolver uv, to pip",
        0.15,
        Compared("resolvers", "btrfs", "ours, --resolver uv, installs nothing", resolving),
    )
    yield ratio(
        "139 packages in snapshot mode from remembered requirements, to pip's resolving alone, btrfs",
        0.05,
        Compared("resolve", "btrfs", "ours, snapshot, remembered", resolving),
    )


def _seeding() -> Iterator[Target]:
    for mode, filesystem in _CONSTANT_TIME:
        yield ratio(
            f"virtualenv's seeds in {mode} mode to --no-seed, {filesystem}",
            1.10,
            Compared("seeds", filesystem, f"virtualenv --seeder reflink, {mode}", "virtualenv --no-seed"),
        )
    for filesystem in _REFLINKS:
        yield ratio(
            f"virtualenv's seeds on Python {OLDER} in clone mode to --no-seed, {filesystem}",
            1.35,
            Compared("seeds-older", filesystem, "virtualenv --seeder reflink, clone", "virtualenv --no-seed"),
        )
    for mode, filesystem in _CONSTANT_TIME:
        yield beyond(
            f"our venv beyond python -m venv --without-pip, {mode} mode, {filesystem}",
            30,
            Compared("venv", filesystem, f"python -m virtualenv_reflink venv, {mode}", "python -m venv --without-pip"),
        )
    for filesystem in (*_REFLINKS, "ext4"):
        yield ratio(
            f"our venv on Python {OLDER}, by default, to python -m venv, {filesystem}",
            1 / 35,
            Compared("venv-older", filesystem, "python -m virtualenv_reflink venv, default", "python -m venv"),
        )


def _caring() -> Iterator[Target]:
    for mode, filesystem, limit in (("clone", "btrfs", 0.7), ("clone", "xfs", 0.7), ("snapshot", "btrfs", 0.05)):
        yield ratio(
            f"removing 139 packages in {mode} mode to rm -rf, {filesystem}",
            limit,
            Compared("deletion", filesystem, f"remove, {mode}", f"rm -rf, {mode}"),
        )
    for filesystem in _REFLINKS:
        yield ratio(
            f"fork of 139 packages with bytecode to cp -a --reflink=always, {filesystem}",
            0.8,
            Compared("fork", filesystem, "fork, clone", "cp -a --reflink=always"),
        )
    yield beyond(
        "fork of 139 packages in snapshot mode, beyond python -c pass, btrfs",
        150,
        Compared("fork", "btrfs", "fork, snapshot", "python -c pass"),
    )
    for filesystem in _REFLINKS:
        yield median(f"explain of 139 packages in clone mode, {filesystem}", 1.5, "explain", filesystem, "explain")
    for command in ("cache size", "cache prune --dry-run"):
        yield median(f"{command} of 400 packages, btrfs", 1.0, "cache", "btrfs", command)


def _constant_time() -> Iterator[Target]:
    for mode, filesystem in _CONSTANT_TIME:
        workload = "layer" if mode == "layer" else "environment-139"
        for peer, limit in (("clone", 0.1), ("hardlink", 0.2)):
            # snapshots have a target of their own beside uv's clones, and ext4 has no clones
            if peer == "hardlink" or (mode == "layer" and filesystem != "ext4"):
                yield ratio(
                    f"139 packages in {mode} mode to uv's {peer}, {filesystem}",
                    limit,
                    Compared(workload, filesystem, f"ours, {mode}", f"uv, {peer}, no bytecode"),
                )
    sizes = "10, 139 and 400 packages"
    for mode, limit in (("snapshot", 1.4), ("layer", 1.5)):
        names = [f"ours, {mode}, {size}" for size in ("10", "139", "400")]
        yield growth(f"{sizes} in {mode} mode, slowest to fastest, btrfs", limit, names)
    names = [f"ours, default, {size}" for size in ("10", "139", "400")]
    yield growth(f"{sizes} by default, slowest to fastest, btrfs", 1.4, names, needs_mode="snapshot")


def _sharing() -> Iterator[Target]:
    shared = "ours, clone, shared memory"
    yield Target("five interpreters, file-backed PSS, layer to clone", 0.3, "", memory("pss_file", "ours, layer"))
    yield Target("five interpreters, page cache, layer to clone", 0.5, "", memory("page_cache", "ours, layer"))
    yield Target("five interpreters, file-backed PSS, shared memory to clone", 0.3, "", memory("pss_file", shared))
    for mode in ("snapshot", "layer"):
        name = f"ours, {mode}"
        yield Target(f"disk of each of a hundred environments, {mode} mode", 1.0, "MiB", hundred(name, "bytes_each"))
        yield Target(f"of a hundred environments, those that do not work, {mode} mode", 0, "", hundred(name, "works"))
