"""What is installed, by the names of metadata directories and by what is in them."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Install
from tests.support.comparison import site_packages
from tests.support.wheels import make_wheel
from virtualenv_reflink.environment.installed import installed_in


def install_by_hand(library: Path, directory: str, name: str, version: str) -> Path:
    """Write what an old tool has left: a directory whose name has hyphens in the name of the project."""
    info = library / directory
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(f"{name.replace('-', '_')}.py,,\n{directory}/METADATA,,\n{directory}/RECORD,,\n")
    (library / f"{name.replace('-', '_')}.py").write_text("")
    return info


def test_a_name_with_hyphens_is_read_from_metadata(tmp_path: Path) -> None:
    install_by_hand(tmp_path, "foo-bar-1.0.dist-info", "foo-bar", "1.0")
    install_by_hand(tmp_path, "foo-2.0.dist-info", "foo", "2.0")
    (tmp_path / "half-done-3.dist-info").mkdir()
    (tmp_path / "old-1.0-py3.13.egg-info").touch()
    found = [(each.name, each.version) for each in installed_in(tmp_path)]
    assert found == [("foo", "2.0"), ("foo-bar", "1.0"), ("half", "done"), ("old", "1.0")]


def test_another_project_whose_name_begins_alike_stays(tmp_path: Path, install: Install, environment: Path) -> None:
    other = install_by_hand(site_packages(environment), "foo-bar-1.0.dist-info", "foo-bar", "1.0")
    install(make_wheel(tmp_path, {"foo.py": b""}, name="foo"))
    assert (other / "RECORD").exists()
    assert (site_packages(environment) / "foo_bar.py").exists()
    install(make_wheel(tmp_path, {"foo_bar.py": b""}, name="foo_bar", version="2.0"))
    assert not other.exists()
