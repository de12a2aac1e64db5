"""What a power cut has left empty is not taken for installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.campaign.checks import not_whole
from tests.campaign.wheels import write_lock
from tests.conftest import Install
from tests.support.comparison import site_packages
from tests.support.wheels import full_wheel, make_wheel

EMPTY = (
    ["sample/data.txt"],
    ["sample-1.0.dist-info/RECORD"],
    ["sample-1.0.dist-info/METADATA"],
    ["sample-1.0.dist-info/RECORD", "sample/__init__.py", "sample-1.0.dist-info/METADATA", "../../../bin/sample"],
)


@pytest.mark.parametrize("empty", EMPTY)
def test_what_is_empty_is_installed_again(
    tmp_path: Path, environment: Path, install: Install, empty: list[str]
) -> None:
    lock = write_lock(tmp_path / "pylock.toml", [full_wheel(tmp_path)])
    install("--lock", lock)
    assert "Everything is installed already" in install("--lock", lock).stdout
    for path in empty:
        os.truncate(site_packages(environment) / path, 0)
    assert "Installed 1 package" in install("--lock", lock).stdout
    assert list(not_whole(environment, hashes=True)) == []
    assert "Everything is installed already" in install("--lock", lock).stdout


def test_a_layer_of_which_nothing_can_be_read_is_entered_again(
    tmp_path: Path, environment: Path, install: Install
) -> None:
    lock = write_lock(tmp_path / "pylock.toml", [full_wheel(tmp_path)])
    install("--lock", lock, "--link-mode", "layer")
    for path in ("_virtualenv_reflink_layer.json", "_virtualenv_reflink_layer.pth", "../../../bin/sample"):
        os.truncate(site_packages(environment) / path, 0)
    install("--lock", lock, "--link-mode", "layer")
    assert list(not_whole(environment, hashes=True)) == []
    assert subprocess.check_output([environment / "bin" / "sample"], text=True) == "sample runs\n"


def test_metadata_of_somebody_else_is_kept_beside_new_ones(tmp_path: Path, environment: Path, install: Install) -> None:
    files = {"sample.py": b"", "sample-1.0.dist-info/licenses/LICENSE": b"mine\n"}
    lock = write_lock(tmp_path / "pylock.toml", [make_wheel(tmp_path, files)])
    install("--lock", lock)
    mine = site_packages(environment) / "sample-1.0.dist-info" / "licenses" / "mine.txt"
    mine.write_text("mine")
    install("--lock", lock, "--force-reinstall")
    assert mine.read_text() == "mine"
    assert list(not_whole(environment, hashes=True)) == []


def test_what_was_edited_or_deleted_stays_so(tmp_path: Path, environment: Path, install: Install) -> None:
    lock = write_lock(tmp_path / "pylock.toml", [full_wheel(tmp_path)])
    install("--lock", lock)
    library = site_packages(environment)
    (library / "sample" / "__init__.py").write_text("# shorter\n")
    (library / "sample" / "data.txt").unlink()
    assert "Everything is installed already" in install("--lock", lock).stdout
    assert (library / "sample" / "__init__.py").read_text() == "# shorter\n"


def test_requirements_find_it_too(tmp_path: Path, environment: Path, install: Install) -> None:
    wheel = full_wheel(tmp_path)
    install("--no-index", "--find-links", tmp_path, "sample")
    os.truncate(site_packages(environment) / "sample" / "data.txt", 0)
    install("--no-index", "--find-links", tmp_path, "sample")
    assert list(not_whole(environment, hashes=True)) == []
    assert wheel.exists()
