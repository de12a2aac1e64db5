"""What sequences install: a directory of wheels, projects and requirements files, the same each time."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.support.projects import make_project
from tests.support.wheels import make_wheel, record_hash


def supply(place: Path) -> None:
    """Fill an empty directory: wheels in ``dist``, projects in ``project`` and ``other``, and files that name them."""
    dist = place / "dist"
    dist.mkdir()
    _wheels(dist)
    _relations(dist)
    (place / "changed").mkdir()
    make_wheel(place / "changed", {"demo.py": b"changed = True\n"}, name="demo")
    make_project(place / "project")
    make_project(place / "other", "other")
    for name, text in _texts(dist).items():
        (place / name).write_text(text)


def _wheels(dist: Path) -> None:
    """Write versions of ``demo``, in each of which something else is there, and spellings and kinds of versions."""
    tool = "[console_scripts]\ndemo = demo:main\n"
    one = {
        "demo.py": b"def main(): print(1)\n",
        "demo_old.py": b"",
        "demo-1.0.data/scripts/demo-script": b"#!python\nprint(1)\n",
        "demo-1.0.data/data/share/demo/one.txt": b"1",
        "demo-1.0.data/headers/demo.h": b"1",
    }
    make_wheel(dist, one, name="demo", entry_points=f"{tool}demo-old = demo:main\n", metadata="Provides-Extra: x\n")
    two = {
        "demo/__init__.py": b"def main(): print(2)\n",
        "demo/data.txt": b"2",
        "demo-2.0.data/data/share/demo/two.txt": b"2",
    }
    extra = "Provides-Extra: x\nRequires-Dist: base; extra == 'x'\n"
    make_wheel(dist, two, name="demo", version="2.0", entry_points=tool, metadata=extra)
    make_wheel(dist, two, name="demo", version="3.0rc1", metadata=extra)
    for version in ("1.0", "1.0+local", "1.0.post1", "2.0.dev1", "1!0.5"):
        make_wheel(dist, {"kinds.py": version.encode()}, name="kinds", version=version)
    for version in ("1.0", "2.0"):
        make_wheel(dist, {"spelled_name.py": version.encode()}, name="Spelled_Name", version=version)
        make_wheel(dist, {f"ns/part/v{version[0]}.py": b"", "ns/part/m.py": b""}, name="ns_part", version=version)
    make_wheel(dist, {"ns/more/m.py": b""}, name="ns_more")
    make_wheel(dist, {"later.py": b""}, name="later", metadata="Requires-Python: >=3.99\n")
    make_wheel(dist, {"odd.py": b"", "odd.txt": b"x"}, name="odd", record=f"odd.py,{record_hash(b'')},9\n")


def _relations(dist: Path) -> None:
    """Write packages that need, override and exclude others."""
    for version in ("1.0", "2.0"):
        make_wheel(dist, {"base.py": version.encode(), "shared.py": b"base"}, name="base", version=version)
    for version, need in (("1.0", "base<2"), ("2.0", "base")):
        make_wheel(dist, {"top.py": b""}, name="top", version=version, metadata=f"Requires-Dist: {need}\n")
    tool = "[console_scripts]\nshared = shared:main\n"
    make_wheel(dist, {"shared.py": b"addon"}, name="addon", metadata="Requires-Dist: base\n", entry_points=tool)
    make_wheel(dist, {"shared.py": b"zzz"}, name="zzz", entry_points=tool)
    for version in ("1.0", "2.0"):
        for name, need in (("left", "right"), ("right", "left")):
            metadata = f"Requires-Dist: {need}=={version}\n"
            make_wheel(dist, {"circle.py": name.encode()}, name=name, version=version, metadata=metadata)


def _texts(dist: Path) -> dict[str, str]:
    def hashed(requirement: str, wheel: str, change: str = "") -> str:
        digest = hashlib.sha256((dist / wheel).read_bytes()).hexdigest()
        return f"{requirement} --hash=sha256:{change or digest}\n"

    demo = "demo-1.0-py3-none-any.whl"
    return {
        "one.txt": "demo==1.0\n",
        "two.txt": "-r one.txt\nbase # needed\n-c below.txt\n",
        "below.txt": "base<2\ndemo<2\n",
        "none.txt": "demo==99\n",
        "editable.txt": "-e ./project\nbase\n",
        "settings.txt": "./project --config-settings a=b\n",
        "hashes.txt": hashed("demo==1.0", demo),
        "bad-hashes.txt": hashed("demo==1.0", demo, "0" * 64),
        "few-hashes.txt": hashed("demo==1.0", demo) + "base\n",
        "pyproject.toml": '[dependency-groups]\ntest = ["demo<2", {include-group = "more"}]\nmore = ["base"]\n',
    }
