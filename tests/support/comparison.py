"""What two environments have in common, and what not, however they were made."""

from __future__ import annotations

import csv
import json
import os
from importlib.metadata import EntryPoint, distributions
from operator import eq
from pathlib import Path
from tokenize import detect_encoding

from tests.support.wheels import record_hash

_NO_FILE, _UNTRUE = "no file", "untrue"
_ONLY_THEIRS = "facts: only theirs: "
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
    """Where the generated scripts are, whose code each installer writes in its own way, prefixes inside included."""
    return {
        os.path.relpath(library.parents[2] / "bin" / name, environment)
        for library in environment.rglob("site-packages")
        for each in distributions(path=[str(library)])
        for point in each.entry_points
        if "_scripts" in point.group
        for name in _names(point, library)
    }


def _names(script: EntryPoint, library: Path) -> list[str]:
    """Return what a script is called; one of pip's own is named after the Python that it is installed for."""
    version = library.parent.name.removeprefix("python")
    return [script.name, f"pip{version}"] if script.value.startswith("pip.") else [script.name]


def facts(environment: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each path; no content where it depends on who installed, on the time or on the path."""
    found = {}
    generated = entry_points(environment)
    for path in sorted(environment.rglob("*")):
        relative = str(path.relative_to(environment))
        made_by_creator = relative.startswith(("bin/activate", "bin/deactivate", "pyvenv.cfg"))
        if path.is_symlink() or path.name == "direct_url.json" or made_by_creator or _is_left_uncompiled(path):
            continue
        unlike = path.is_dir() or path.name in _GENERATED or path.suffix == ".pyc" or relative in generated
        content = b"" if unlike else path.read_bytes().replace(os.fsencode(environment), b"ENVIRONMENT")
        found[relative] = (path.stat().st_mode, content)
    return found


def records(environment: Path) -> dict[str, dict[str, str]]:
    """What each RECORD says of each file: its hash, nothing (also where it depends on who installed), or an untruth."""
    return {path.parent.name: _claims(path, environment) for path in site_packages(environment).glob("*/RECORD")}


def direct_urls(environment: Path) -> dict[str, object]:
    """The content of each direct_url.json."""
    found = site_packages(environment).glob("*/direct_url.json")
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in found}


def differences(ours: Path, theirs: Path) -> list[str]:
    """Say in what the packages of two environments differ; where their RECORDs are untrue, ours must be true."""
    found = []
    for look, are_alike in ((facts, eq), (records, _is_as_true), (direct_urls, eq)):
        here, there = look(ours), look(theirs)
        found += [f"{look.__name__}: only ours: {name}" for name in here.keys() - there.keys()]
        found += [f"{look.__name__}: only theirs: {name}" for name in there.keys() - here.keys()]
        both = here.keys() & there.keys()
        found += [f"{look.__name__}: unlike: {name}" for name in both if not are_alike(here[name], there[name])]
    return sorted(found)


def lasting_differences(ours: Path, theirs: Path) -> list[str]:
    """Say in what they differ, but for directories that pip leaves when it has emptied them."""
    return [each for each in differences(ours, theirs) if not _is_emptied(each, theirs)]


def _is_emptied(difference: str, theirs: Path) -> bool:
    path = theirs / difference.removeprefix(_ONLY_THEIRS)
    is_directory = difference.startswith(_ONLY_THEIRS) and path.is_dir()
    return is_directory and all(each.is_dir() for each in path.rglob("*"))


def _is_as_true(ours: dict[str, str], theirs: dict[str, str]) -> bool:
    """Whether two RECORDs say the same, but for what pip takes over from a wheel although it is not so."""
    there = {name: claim for name, claim in theirs.items() if claim != _NO_FILE or name in ours}
    better = {name for name, claim in there.items() if not _is_true(claim) and _is_true(ours.get(name, ""))}
    return ours.keys() == there.keys() and all(name in better or ours[name] == there[name] for name in there)


def _is_left_uncompiled(bytecode: Path) -> bool:
    """Whether a file is bytecode of a source in a rare encoding, which pip 26.3 does not compile."""
    if bytecode.suffix != ".pyc":
        return False
    source = bytecode.parents[1] / f"{bytecode.name.partition('.')[0]}.py"
    try:
        with source.open("rb") as stream:
            return detect_encoding(stream.readline)[0] not in {"utf-8", "utf-8-sig", "iso-8859-1"}
    except (OSError, SyntaxError):
        return False


def _is_true(claim: str) -> bool:
    return claim not in {"", _NO_FILE} and not claim.startswith(_UNTRUE)


def _claims(record: Path, environment: Path) -> dict[str, str]:
    library = site_packages(environment)
    generated = {f"../../../{path}" for path in entry_points(environment)}
    with record.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.reader(stream) if not row[0].endswith("/direct_url.json")]
    return {
        row[0]: _claim(row, library, environment, generated)
        for row in rows
        if not _is_left_uncompiled(library / row[0])
    }


def _claim(row: list[str], library: Path, environment: Path, generated: set[str]) -> str:
    name, hash_, size = row
    # of bytecode that a wheel ships pip keeps the hash in RECORD, though it compiles it anew
    if name.endswith((".pyc", "/INSTALLER")) or name in generated:
        return ""
    if not (library / name).is_file():
        return _NO_FILE
    content = (library / name).read_bytes()
    if not hash_ or os.fsencode(environment) in content:
        return ""
    algorithm = hash_.partition("=")[0]
    is_true = algorithm in {"sha256", "sha384", "sha512"} and hash_ == record_hash(content, algorithm)
    return hash_ if is_true and size == str(len(content)) else f"{_UNTRUE}: {hash_} {size}"
