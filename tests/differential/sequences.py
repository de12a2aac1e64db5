"""Commands that follow each other in one environment, which is compared with pip's after each."""

from __future__ import annotations

import os
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.differential.beside import Beside
from tests.differential.supplies import supply
from tests.support.comparison import site_packages
from tests.support.projects import make_project

Step = str | Callable[[Path], None]
"""A command with variables before it, where ``uninstall`` is always pip's; or a change of an environment by hand."""


def compare(name: str, directory: Path, cache: Path) -> list[str]:
    """Take the steps of a sequence until environments differ; return in what."""
    place = directory / "place"
    place.mkdir(parents=True)
    supply(place)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    pips = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "dist"}
    beside = Beside(directory, cache, place, {**environ, **pips})
    for step in (something_else, *SEQUENCES[name]):
        if found := _take(step, beside):
            return [f"after {step if isinstance(step, str) else step.__name__}", *found]
    found = beside.pip("check")
    beside.remove()
    return found


def _take(step: Step, beside: Beside) -> list[str]:
    if not isinstance(step, str):
        for environment in (beside.ours, beside.theirs):
            step(environment)
        return []
    words = shlex.split(step)
    variables = {}
    while "=" in words[0]:
        name, _, variables[name] = words.pop(0).partition("=")
    command, *rest = words
    return beside.install(*rest, **variables) if command == "install" else beside.pip(command, *rest, **variables)


def _write(environment: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = site_packages(environment) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def something_else(environment: Path) -> None:
    """Put a file there that is nobody's: pip deletes a library in which it leaves nothing."""
    _write(environment, {"else.txt": ""})


def egg_with_list(environment: Path) -> None:
    """As ``setup.py install --single-version-externally-managed`` left it."""
    info = "demo-0.5-py3.9.egg-info"
    metadata = "Metadata-Version: 1.0\nName: demo\nVersion: 0.5\n"
    _write(
        environment, {f"{info}/PKG-INFO": metadata, f"{info}/top_level.txt": "demo\n", "demo.py": "", "demo5.py": ""}
    )
    listed = "../demo.py\n../demo5.py\nPKG-INFO\ntop_level.txt\ninstalled-files.txt\n"
    _write(environment, {f"{info}/installed-files.txt": listed})


def egg_with_top_level(environment: Path) -> None:
    """As above, without a list of files: pip takes what top_level.txt names."""
    info = "demo-0.5-py3.9.egg-info"
    metadata = "Metadata-Version: 1.0\nName: demo\nVersion: 0.5\n"
    _write(environment, {f"{info}/PKG-INFO": metadata, f"{info}/top_level.txt": "demo\n", "demo/__init__.py": ""})


def egg_directory(environment: Path) -> None:
    """As ``easy_install`` left it: a directory of its own, on the path by a line of easy-install.pth."""
    metadata = "Metadata-Version: 1.0\nName: demo\nVersion: 0.5\n"
    egg = "demo-0.5-py3.9.egg"
    _write(environment, {f"{egg}/EGG-INFO/PKG-INFO": metadata, f"{egg}/demo.py": ""})
    _write(environment, {"easy-install.pth": f"./{egg}\n"})


def egg_of_distutils(environment: Path) -> None:
    """As distutils left it: one file, which lists nothing."""
    _write(environment, {"demo-0.5.egg-info": "Metadata-Version: 1.0\nName: demo\nVersion: 0.5\n", "demo.py": ""})


def egg_link(environment: Path) -> None:
    """As ``setup.py develop`` left it."""
    source = environment.parent / "source"
    (source / "demo.egg-info").mkdir(parents=True)
    (source / "demo.egg-info" / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: demo\nVersion: 0.5\n")
    _write(environment, {"demo.egg-link": f"{source}\n.", "easy-install.pth": f"{source}\n"})


def egg_link_with_script(environment: Path) -> None:
    """As above, with a script that nothing lists, and the line of another project."""
    egg_link(environment)
    points = environment.parent / "source" / "demo.egg-info" / "entry_points.txt"
    points.write_text("[console_scripts]\ndemo = demo:main\n")
    (environment / "bin" / "demo").write_text("#!/bin/sh\n")
    path = site_packages(environment) / "easy-install.pth"
    path.write_text(f"/elsewhere\n{path.read_text()}/last\n")


def zipped_egg(environment: Path) -> None:
    """As ``easy_install`` left eggs that run zipped."""
    with zipfile.ZipFile(site_packages(environment) / "demo-0.5-py3.9.egg", "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: demo\nVersion: 0.5\n")
        archive.writestr("demo5.py", "")
    _write(environment, {"easy-install.pth": "./other.egg\n./demo-0.5-py3.9.egg\n"})


def without_record(environment: Path) -> None:
    """Take a RECORD away."""
    next(site_packages(environment).glob("demo-*/RECORD")).unlink()


def leftover(environment: Path) -> None:
    """Leave what an interrupted pip leaves."""
    _write(environment, {"~emo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"})


def edited(environment: Path) -> None:
    """Change a file, and put others beside it."""
    _write(environment, {"demo/__init__.py": "edited = 1\n", "demo/mine.txt": "mine", "demo/sub/mine.py": ""})


def deleted_module(environment: Path) -> None:
    """Delete a module by hand, not its bytecode."""
    (site_packages(environment) / "demo.py").unlink()


def newer_project(environment: Path) -> None:
    """Give the project another version."""
    place = environment.parents[1] / "place"
    if (place / "project").exists() and "2.0" not in (place / "project" / "pyproject.toml").read_text():
        for path in (place / "project").iterdir():
            if path.is_file():
                path.unlink()
        (place / "project").rename(place / "project-old")
        make_project(place / "project", version="2.0")


ANY = "py3-none-any.whl"
SEQUENCES: dict[str, tuple[Step, ...]] = {
    "upgrade": ("install demo==1.0", "install -U demo", "uninstall -y demo"),
    "downgrade": ("install demo", "install demo==1.0", "install demo<2"),
    "satisfied": ("install demo==1.0", "install demo", "install demo>=1 base", "install demo[x]"),
    "force-reinstall": ("install demo==1.0", "install --force-reinstall demo==1.0", "install --force-reinstall demo"),
    "pre-release": (
        "install --pre demo",
        "install demo",
        "install -U demo",
        "install demo==2.0",
        "install -U --pre demo",
    ),
    "only-if-needed": ("install base==1.0", "install -U top==1.0", "install -U top"),
    "eager": ("install base==1.0", "install -U --upgrade-strategy eager top", "install demo==1.0"),
    "broken-dependency": ("install top==1.0", "install base==2.0", "install top==1.0", "install -U top"),
    "extras": ("install demo", "install demo[x]", "install demo[x,unknown]", "uninstall -y base", "install demo[X]"),
    "no-deps": ("install --no-deps top", "install top", "uninstall -y base", "install -U top"),
    "constraint": ("install -c below.txt demo base", "install -U demo", "install -U -c below.txt demo"),
    "constraint-variable": ("PIP_CONSTRAINT=below.txt install demo", "install -U demo", "install -c below.txt base"),
    "conflict": ("install base", "install -c below.txt demo==2.0", "install top==1.0 base==2.0", "install -r none.txt"),
    "hashes": (
        "install -r bad-hashes.txt",
        "install -r hashes.txt",
        "install -r few-hashes.txt",
        "install -r hashes.txt",
    ),
    "required-hashes": ("install --require-hashes demo", "install --require-hashes -r hashes.txt"),
    "egg-with-list": (egg_with_list, "install demo==1.0", "uninstall -y demo"),
    "egg-with-top-level": (egg_with_top_level, "install demo", "uninstall -y demo"),
    "egg-directory": (egg_directory, "install demo==1.0", "uninstall -y demo"),
    "egg-of-distutils": (egg_of_distutils, "install demo==1.0", "install -I demo==1.0"),
    "zipped-egg": (zipped_egg, "install demo==1.0"),
    "egg-link-with-script": (egg_link_with_script, "install demo==1.0", "uninstall -y demo"),
    "egg-link": (egg_link, "install demo==1.0", "install -U demo"),
    "without-record": ("install demo==1.0", without_record, "install -U demo", "install -I demo==1.0"),
    "leftover": ("install demo==1.0", leftover, "install -U demo"),
    "override": ("install base", "install addon", "install --force-reinstall base", "uninstall -y addon"),
    "override-together": ("install addon", "install zzz", "uninstall -y zzz", "install --force-reinstall addon"),
    "circle": ("install left==1.0", "install -U right", "uninstall -y left", "install left"),
    "editable-to-plain": ("install -e ./project", "install ./project", "install -e ./project", "uninstall -y sample"),
    "plain-to-editable": ("install ./project", "install -e ./project", newer_project, "install -e ./project"),
    "newer-project": (
        "install ./project",
        "install ./project",
        newer_project,
        "install ./project",
        "install -U sample",
    ),
    "editable-in-a-file": ("install -r editable.txt", "install -U -r editable.txt", "install sample"),
    "two-editables": ("install -e ./project -e ./other", "install ./other", "uninstall -y sample other"),
    "path-to-index": (f"install ./dist/demo-1.0-{ANY}", "install demo==1.0", "install --force-reinstall demo==1.0"),
    "index-to-path": ("install demo==1.0", f"install ./dist/demo-1.0-{ANY}", f"install ./changed/demo-1.0-{ANY}"),
    "changed-wheel": (
        f"install ./dist/demo-1.0-{ANY}",
        f"install ./changed/demo-1.0-{ANY}",
        f"install --force-reinstall ./changed/demo-1.0-{ANY}",
        f"install -U demo@file:changed/demo-1.0-{ANY}",
    ),
    "lost-dependency": ("install top", "uninstall -y base", "install top", "install -U top"),
    "namespace": ("install ns-part==1.0 ns-more", "install -U ns-part", "uninstall -y ns-more", "uninstall -y ns-part"),
    "files": ("install -r one.txt", "install -r two.txt", "install -U -r two.txt", "install -r one.txt -U base"),
    "dry-run": ("install --dry-run demo", "install demo==1.0", "install --dry-run -U demo"),
    "ignore-installed": ("install demo==1.0", "install -I demo==1.0", "install -I demo"),
    "no-compile": (
        "install --no-compile demo",
        "install demo==1.0",
        "install --no-compile --force-reinstall demo==1.0",
    ),
    "marker": ("install \"demo; python_version < '3'\"", "install \"demo ; python_version > '3'\"", "install demo"),
    "edited": ("install demo", edited, "install --force-reinstall demo", "install demo==1.0", "uninstall -y demo"),
    "deleted-module": (
        "install demo==1.0",
        deleted_module,
        "install demo==1.0",
        "install -U demo",
        "install demo==1.0",
    ),
    "kinds-of-versions": (
        *(
            "install kinds==1.0",
            "install -U kinds",
            "install kinds==1.0+local",
            "install kinds==1.0",
            "install kinds<1!0",
        ),
        *("install --pre kinds==2.0.dev1", "install -U kinds<1!0", "install kinds===1.0"),
    ),
    "spelling": (
        "install spelled.name==1.0",
        "install -U SPELLED-name",
        "install Spelled_Name==1",
        "uninstall -y spelled-name",
    ),
    "group": ("install --group test", "install -U demo", "install --group pyproject.toml:more", "install --group test"),
    "requires-python": ("install later", "install --ignore-requires-python later", "install later"),
    "settings": ("install -r settings.txt", "install -C a=b ./project", "install --force-reinstall -r settings.txt"),
    "wrong-record": ("install odd", "install --force-reinstall odd", "uninstall -y odd"),
    "prefix": (
        "install demo==1.0",
        "install --prefix ENV/opt demo",
        "install -U --prefix ENV/opt demo",
        "install --prefix ENV/opt demo==1.0",
        "install demo==1.0",
        "install --prefix ENV/opt --force-reinstall demo",
        "install --root ENV/root --prefix /opt top",
    ),
    "formats": ("install --no-binary demo demo", "install --only-binary :all: demo", "install --no-binary :all: base"),
}
NAMES = list(SEQUENCES)
