"""Source trees that build without anything but themselves (PEP 517, PEP 660)."""

from __future__ import annotations

import os
from pathlib import Path


def make_project(
    directory: Path, name: str = "sample", version: str = "1.0", code: str = "", log: str | Path = os.devnull
) -> Path:
    """Write a project that builds without anything but itself (PEP 517, PEP 660)."""
    directory.mkdir(parents=True)
    build = (
        f"[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n[project]\nname = '{name}'\n"
    )
    (directory / "pyproject.toml").write_text(f"{build}version = '{version}'\n")
    (directory / f"{name}.py").write_text("value = 1\n")
    (directory / "backend.py").write_text(f"name, version, log = {name!r}, {version!r}, {str(log)!r}\n{code}{BACKEND}")
    return directory


BACKEND = """
import os, sys, zipfile

info = f"{name}-{version}.dist-info"
metadata = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    os.mkdir(os.path.join(metadata_directory, info))
    with open(os.path.join(metadata_directory, info, "METADATA"), "w") as stream:
        stream.write(metadata)
    return info

prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel

def wheel(directory, files):
    files[f"{info}/METADATA"] = metadata
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: backend\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    import base64, hashlib
    def row(path, text):
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        return f"{path},sha256={digest},{len(text.encode())}\\n"
    rows = [row(path, text) for path, text in files.items()]
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\\n"])
    filename = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, filename), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return filename

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open(log, "a") as stream:
        stream.write("x")
    return wheel(wheel_directory, {f"{name}.py": open(f"{name}.py").read()})

def build_sdist(sdist_directory, config_settings=None):
    import tarfile
    filename = f"{name}-{version}.tar.gz"
    with open("PKG-INFO", "w") as stream:
        stream.write(metadata)
    with tarfile.open(os.path.join(sdist_directory, filename), "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path in ("PKG-INFO", "pyproject.toml", "backend.py", f"{name}.py"):
            archive.add(path, f"{name}-{version}/{path}")
    return filename

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return wheel(wheel_directory, {f"_{name}.pth": os.getcwd() + "\\n"})
"""
