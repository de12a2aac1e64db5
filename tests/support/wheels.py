"""Wheels made to measure, good and bad."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path


def record_hash(content: bytes, algorithm: str = "sha256") -> str:
    """Return the hash of ``content`` as RECORD has it."""
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).decode().rstrip("=")
    return f"{algorithm}={digest}"


def make_wheel(
    directory: Path,
    files: dict[str, bytes],
    *,
    name: str = "sample",
    version: str = "1.0",
    tag: str = "py3-none-any",
    purelib: bool = True,
    entry_points: str = "",
    metadata: str = "",
    record: str | None = None,
    extra: list[tuple[zipfile.ZipInfo | str, bytes]] | None = None,
    executable: tuple[str, ...] = (),
) -> Path:
    """Write a wheel with ``files`` and true metadata.

    ``record`` replaces the true RECORD; ``extra`` are archive entries added as they are, listed in RECORD unless it is
    replaced.
    """
    info = f"{name}-{version}.dist-info"
    content = dict(files)
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}".encode()
    content[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {str(purelib).lower()}\nTag: {tag}\n".encode()
    )
    if entry_points:
        content[f"{info}/entry_points.txt"] = entry_points.encode()
    entries: list[tuple[zipfile.ZipInfo | str, bytes]] = [
        (_info(path, path in executable), content[path]) for path in content
    ]
    entries += extra or []
    rows = []
    for entry, data in entries:
        path = entry if isinstance(entry, str) else entry.filename
        rows.append(f"{_quoted(path)},{record_hash(data)},{len(data)}\n")
    rows.append(f"{info}/RECORD,,\n")
    entries.append((f"{info}/RECORD", ("".join(rows) if record is None else record).encode()))
    wheel = directory / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    return wheel


def full_wheel(directory: Path) -> Path:
    """Write a wheel with files for every scheme."""
    files = {
        "sample/__init__.py": b"def main():\n    print('sample runs')\n",
        "sample/data.txt": b"data" * 3000,
        "sample-1.0.data/scripts/sample-script": b"#!python\nimport sample\nsample.main()\n",
        "sample-1.0.data/scripts/sample_module.py": b"#!python\nimport sample\nsample.main()\n",
        "sample-1.0.data/headers/sample.h": b"",
        "sample-1.0.data/data/share/sample.txt": b"shared",
        "sample-1.0.data/platlib/sample_plat.py": b"",
    }
    executable = ("sample-1.0.data/scripts/sample-script",)
    return make_wheel(directory, files, entry_points="[console_scripts]\nsample = sample:main\n", executable=executable)


def _info(path: str, executable: bool) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, (2024, 1, 2, 3, 4, 6))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (0o100755 if executable else 0o100644) << 16
    return info


def _quoted(path: str) -> str:
    return '"' + path.replace('"', '""') + '"' if any(mark in path for mark in ',"\n') else path
