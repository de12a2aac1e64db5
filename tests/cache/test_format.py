"""A cache is as docs/reference/format.md specifies it: read here by that page alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.conftest import Run, python_of
from tests.support.wheels import full_wheel, make_wheel
from virtualenv_reflink.cache.kinds import NOTES
from virtualenv_reflink.cache.layout import VERSION
from virtualenv_reflink.cache.manifest import Metadata

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "format.md").read_text(encoding="utf-8")
SCHEMES = {"purelib", "platlib", "headers", "scripts", "data"}
SHA256 = "[0-9a-f]{64}"
PLACES = (
    rf"wheels/{SHA256}/(unpacked|bytecode-[^/]+)/(manifest\.json|tree/.+)",
    rf"layers/snapshot-{SHA256}/(layer\.json|tree/.+)",
    rf"layers/layer-{SHA256}/(layer\.json|layer\.start|tree/.+)",
    r"locks/[^/]+\.lock",
    rf"({'|'.join(kind.name for kind in NOTES)})/[^/]+",
)


def test_the_page_names_every_note_and_every_key() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE) == [kind.name for kind in NOTES]
    for key in Metadata._fields:
        assert f"`{key}`" in PAGE


@pytest.mark.parametrize("place", ["btrfs"], indirect=True)
@pytest.mark.parametrize("mode", ["layer", "snapshot"])
def test_a_cache_is_as_specified(tmp_path: Path, place: Path, mode: str, reflink: Run) -> None:
    wheel = full_wheel(tmp_path)
    hook = make_wheel(tmp_path, {"hook.pth": b"import hook\n", "hook.py": b""}, name="hook")
    options = ["--without-pip", "--wheel-cache", place / "cache", "--link-mode", mode]
    reflink("venv", *options, "--with", wheel, "--with", hook, place / "env")
    assert b"Signature: 8a477f597d28d172789f06886806bc55" in (place / "cache" / "CACHEDIR.TAG").read_bytes()
    layout = place / "cache" / VERSION
    for path in layout.rglob("*"):
        name = str(path.relative_to(layout))
        assert path.is_dir() or any(re.fullmatch(pattern, name, re.DOTALL) for pattern in PLACES), name
    key = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert (layout / "wheels" / key / "unpacked").is_dir()
    entries = [path.parent for path in layout.glob("wheels/*/*/manifest.json")]
    assert len(entries) == 4
    for entry in entries:
        check_files(entry)
    (layer,) = layout.glob("layers/*")
    described = json.loads((layer / "layer.json").read_text("utf-8"))
    identity = json.dumps([described["kind"], described["members"]]).encode()
    assert layer.name == f"{mode}-{hashlib.sha256(identity).hexdigest()}"
    assert described["kind"][0] == mode
    assert (layer / "layer.start").exists() is (mode == "layer")
    assert key in [member[0] for member in described["members"]]
    assert python_of(place / "env").exists()


def check_files(entry: Path) -> None:
    """Compare the files of an entry with its manifest: none is missing, none is there besides."""
    manifest = json.loads((entry / "manifest.json").read_text("utf-8"))
    assert manifest.keys() == {"metadata", "mtime_ns", "schemes"}
    assert (manifest["metadata"] is None) == entry.name.startswith("bytecode-")
    assert SCHEMES.issuperset(manifest["schemes"])
    listed = set()
    for scheme, directories in manifest["schemes"].items():
        for directory, (names, executables, sizes, hashes) in directories:
            columns = names.split("/"), executables, sizes.split(","), hashes.split(",")
            for name, executable, size, hash_ in zip(*columns, strict=True) if names else ():
                path = entry / "tree" / scheme / directory / name
                status, (algorithm, _, value) = path.stat(), hash_.partition("=")
                digest = hashlib.new(algorithm, path.read_bytes()).digest()
                assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == value
                assert (status.st_size, status.st_mtime_ns) == (int(size), manifest["mtime_ns"])
                assert status.st_mode & 0o777 == (0o555 if executable == "1" else 0o444)
                listed.add(path)
    assert listed == {path for path in (entry / "tree").rglob("*") if path.is_file()}
