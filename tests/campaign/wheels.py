"""Wheels with enough files for two processes, in two versions, and locks of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from virtualenv.seed.wheels.embed import BUNDLE_FOLDER, BUNDLE_SUPPORT

from tests.support.wheels import make_wheel

NAMES = ("first", "second", "third")


def make_wheels(directory: Path, files: int = 1500) -> dict[str, Path]:
    """Make wheels with about ``files`` files each, and locks ``1.0`` and ``2.0`` of them with pip; return the locks.

    Each has modules, data, scripts, headers, a part of a namespace package, and a file that another one has too.
    """
    directory.mkdir(parents=True, exist_ok=True)
    return {
        version: write_lock(
            directory / f"pylock.v{version[0]}.toml",
            [*(_wheel(directory, name, version, files) for name in NAMES), pip_wheel()],
        )
        for version in ("1.0", "2.0")
    }


def pip_wheel() -> Path:
    """Return the wheel of pip that virtualenv bundles."""
    name = BUNDLE_SUPPORT["3.13"]["pip"]
    return BUNDLE_FOLDER / name


def write_lock(path: Path, wheels: Sequence[Path]) -> Path:
    """Write a pylock.toml of wheels (PEP 751)."""
    lines = ['lock-version = "1.0"', 'created-by = "tests"']
    for wheel in wheels:
        name, version, *_ = wheel.name.split("-")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines += ["[[packages]]", f'name = "{name}"', f'version = "{version}"', "[[packages.wheels]]"]
        lines += [f'name = "{wheel.name}"', f'path = "{wheel}"', f'hashes = {{sha256 = "{digest}"}}']
    path.write_text("\n".join(lines) + "\n")
    return path


def _wheel(directory: Path, name: str, version: str, files: int) -> Path:
    # a third of the files is of this version only
    content = {f"{name}/__init__.py": f"def main():\n    print({name!r}, {version!r})\n".encode()}
    for number in range(files):
        place = f"{name}/part{number // 50:02}"
        kept = number % 3 or version == "1.0"
        stem = f"file{number}" if kept else f"file{number}_v2"
        suffix, text = (
            (".py", f"value = {number}\n") if number % 5 == 0 else (".txt", f"{name} {version} {number}\n" * 9)
        )
        content[f"{place}/{stem}{suffix}"] = text.encode()
    content[f"shared_namespace/{name}.py"] = f"value = {version}\n".encode()
    content["shared_file.txt"] = f"{name} {version}\n".encode() * len(name)
    data = f"{name}-{version}.data"
    content[f"{data}/scripts/{name}-script"] = f"#!python\nprint({version!r})\n".encode()
    content[f"{data}/data/share/{name}/{version}.txt"] = version.encode()
    content[f"{data}/headers/{name}.h"] = b"// a header\n"
    points = f"[console_scripts]\n{name} = {name}:main\n"
    return make_wheel(directory, content, name=name, version=version, entry_points=points)
