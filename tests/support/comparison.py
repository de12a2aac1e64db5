"""What two environments have in common, and what not, however they were made."""

from __future__ import annotations

import csv
import json
import os
from importlib.metadata import distributions
from pathlib import Path

from tests.support.wheels import record_hash

_GENERATED = {"INSTALLER", "RECORD", "direct_url.json"}


def site_packages(environment: Path) -> Path:
    """Return where an environment's packages are."""
    (found,) = environment.glob("lib/*/site-packages")
    return found


def packages(environment: Path) -> dict[str, str]:
    """Names and versions of what an environment holds."""
    names = [path.name.removesuffix(".dist-info") for path in site_packages(environment).glob("*.dist-info")]
    return dict(name.split("-", 1) for name in names)


def entry_points(environment: Path) -> set[str]:
    """Where the generated scripts are, whose code each installer writes in its own way."""
    installed = distributions(path=[str(site_packages(environment))])
    return {f"bin/{point.name}" for each in installed for point in each.entry_points if "_scripts" in point.group}


def facts(environment: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each path; no content where it depends on who installed, on the time or on the path."""
    found = {}
    generated = entry_points(environment)
    for path in sorted(environment.rglob("*")):
        relative = str(path.relative_to(environment))
        made_by_creator = relative.startswith(("bin/activate", "bin/deactivate", "pyvenv.cfg"))
        if path.is_symlink() or path.name == "direct_url.json" or made_by_creator:
            continue
        unlike = path.is_dir() or path.name in _GENERATED or path.suffix == ".pyc" or relative in generated
        content = b"" if unlike else path.read_bytes().replace(os.fsencode(environment), b"ENVIRONMENT")
        found[relative] = (path.stat().st_mode, content)
    return found


def records(environment: Path) -> dict[str, set[tuple[str, ...]]]:
    """The rows of each RECORD, their hashes found true and left out where they depend on who installed."""
    return {path.parent.name: _rows(path, environment) for path in site_packages(environment).glob("*/RECORD")}


def direct_urls(environment: Path) -> dict[str, object]:
    """The content of each direct_url.json."""
    found = site_packages(environment).glob("*/direct_url.json")
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in found}


def differences(ours: Path, theirs: Path) -> list[str]:
    """Say in what the packages of two environments differ."""
    found = []
    for look in (facts, records, direct_urls):
        here, there = look(ours), look(theirs)
        found += [f"{look.__name__}: only ours: {name}" for name in here.keys() - there.keys()]
        found += [f"{look.__name__}: only theirs: {name}" for name in there.keys() - here.keys()]
        found += [
            f"{look.__name__}: unlike: {name}" for name in here.keys() & there.keys() if here[name] != there[name]
        ]
    return sorted(found)


def _rows(record: Path, environment: Path) -> set[tuple[str, ...]]:
    library = site_packages(environment)
    generated = {f"../../../{path}" for path in entry_points(environment)}
    with record.open(newline="", encoding="utf-8") as stream:
        rows = [tuple(row) for row in csv.reader(stream) if not row[0].endswith("/direct_url.json")]
    found = set()
    for name, digest, size in rows:
        # of bytecode that a wheel ships pip keeps the hash in RECORD, though it compiles it anew
        compiled = name.endswith(".pyc")
        content = b"" if compiled else (library / name).read_bytes()
        if digest and not compiled:
            assert (digest, size) == (record_hash(content), str(len(content))), name
        depends = compiled or name in generated or name.endswith("/INSTALLER") or os.fsencode(environment) in content
        found.add((name, "", "") if depends else (name, digest, size))
    return found
