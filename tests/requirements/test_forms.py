"""However a file on this machine is named, a change of it changes what is installed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.conftest import ONCE, Install, Run, bare
from tests.support.comparison import packages, site_packages
from tests.support.index import Index
from tests.support.projects import make_project
from tests.support.wheels import make_wheel

pytestmark = ONCE

WHEEL = "demo-1.0-py3-none-any.whl"


class Form(NamedTuple):
    """A way to name a wheel: arguments, files, variables; ``DIR``, ``URL`` and ``QUOTED`` in them are its directory."""

    arguments: tuple[str, ...]
    files: Mapping[str, str | bytes] = MappingProxyType({})
    environ: Mapping[str, str] = MappingProxyType({})


# the directory has a space in its name; QUOTED is its path with %20, URL the file: URL of it
OF_A_WHEEL = {
    "path": Form((f"DIR/{WHEEL}",)),
    "relative path": Form((f"./{WHEEL}",)),
    "path with a marker": Form((f"DIR/{WHEEL}; python_version > '3'",)),
    "path with extras": Form((f"DIR/{WHEEL}[extra]",)),
    "bare file name": Form((WHEEL,)),
    "URL": Form((f"URL/{WHEEL}",)),
    "URL of this host": Form((f"file://localhostQUOTED/{WHEEL}",)),
    "URL with one slash": Form((f"file:QUOTED/{WHEEL}",)),
    "relative URL": Form((f"file:{WHEEL}",)),
    "URL with dots": Form((f"URL/x/../{WHEEL}",)),
    "URL with a fragment": Form((f"URL/{WHEEL}#egg=demo",)),
    "URL with a marker": Form((f"URL/{WHEEL} ; python_version > '3'",)),
    "name @ URL": Form((f"demo @ URL/{WHEEL}",)),
    "name@URL": Form((f"demo@URL/{WHEEL}",)),
    "name[extras]@URL": Form((f"demo[a,b]@URL/{WHEEL}",)),
    "name @ URL ; marker": Form((f"demo @ URL/{WHEEL} ; python_version > '3'",)),
    "name@URL;marker": Form((f"demo@URL/{WHEEL};python_version>'3'",)),
    "percent-encoded letters": Form(("demo @ URL/%64emo-1.0-py3-none-any.whl",)),
    "find-links path": Form(("-f", "DIR", "demo")),
    "find-links relative": Form(("--find-links=.", "demo")),
    "find-links URL": Form(("-f", "URL", "demo")),
    "find-links page": Form(("-f", "DIR/page.html", "demo"), {"page.html": f'<a href="{WHEEL}">x</a>'}),
    "find-links directory with a page": Form(("-f", "DIR/sub", "demo"), {"sub/p.html": f'<a href="../{WHEEL}">x</a>'}),
    "PIP_FIND_LINKS": Form(("demo",), environ={"PIP_FIND_LINKS": "URL"}),
    "index directory": Form(
        ("-i", "URL/simple", "demo"), {"simple/demo/index.html": f'<a href="../../{WHEEL}">{WHEEL}</a>'}
    ),
    "extra index of PIP_EXTRA_INDEX_URL": Form(
        ("demo",),
        {"simple/demo/index.html": f'<a href="../../{WHEEL}">{WHEEL}</a>'},
        {"PIP_EXTRA_INDEX_URL": "URL/simple"},
    ),
    "-r": Form(("-r", "DIR/r.txt"), {"r.txt": f"demo @ URL/{WHEEL}\n"}),
    "-r URL": Form(("-r", "URL/r.txt"), {"r.txt": f"demo @ URL/{WHEEL}\n"}),
    "-r relative": Form(("-r", "r.txt"), {"r.txt": f"./{WHEEL}\n"}),
    "nested": Form(("-r", "r.txt"), {"r.txt": "-r sub/s.txt\n", "sub/s.txt": f"URL/{WHEEL}\n"}),
    "nested -rfile": Form(("-r", "r.txt"), {"r.txt": "-rsub/s.txt\n", "sub/s.txt": f"URL/{WHEEL}\n"}),
    "nested --requirement=": Form(
        ("-r", "r.txt"), {"r.txt": "--requirement=sub/s.txt\n", "sub/s.txt": f"URL/{WHEEL}\n"}
    ),
    "nested, abbreviated": Form(("-r", "r.txt"), {"r.txt": "--requirem sub/s.txt\n", "sub/s.txt": f"URL/{WHEEL}\n"}),
    "nested URL": Form(("-r", "r.txt"), {"r.txt": "-r URL/sub/s.txt\n", "sub/s.txt": f"URL/{WHEEL}\n"}),
    "variable": Form(("-r", "r.txt"), {"r.txt": f"demo @ file://${{WHERE}}/{WHEEL}\n"}, {"WHERE": "QUOTED"}),
    "variable for all": Form(("-r", "r.txt"), {"r.txt": "${WHAT}\n"}, {"WHAT": f"DIR/{WHEEL}"}),
    "find-links of a file": Form(("-r", "sub/r.txt"), {"sub/r.txt": '--find-links "DIR"\ndemo\n'}),
    "find-links relative to its file": Form(("-r", "sub/r.txt"), {"sub/r.txt": "-f ..\ndemo\n"}),
    "find-links relative to the working directory": Form(
        ("-r", "sub/r.txt"), {"sub/r.txt": "-f '../some where'\ndemo\n"}
    ),
    "find-links behind a variable": Form(("-r", "r.txt"), {"r.txt": "-f ${WHERE}\ndemo\n"}, {"WHERE": "URL"}),
    "continued line": Form(("-r", "r.txt"), {"r.txt": f"demo @ \\\n URL/{WHEEL}\n"}),
    "comment": Form(("-r", "r.txt"), {"r.txt": f"# x \\\ndemo @ URL/{WHEEL} # y\n"}),
    "byte order mark": Form(("-r", "r.txt"), {"r.txt": f"demo @ URL/{WHEEL}\n".encode("utf-8-sig")}),
    "UTF-16": Form(("-r", "r.txt"), {"r.txt": f"./{WHEEL}\n".encode("utf-16")}),
    "cookie": Form(("-r", "r.txt"), {"r.txt": f"# -*- coding: latin-1 -*-\n# \xe9\n./{WHEEL}\n".encode("latin-1")}),
    "PIP_REQUIREMENT": Form((f"URL/{WHEEL}",), {"r.txt": f"./{WHEEL}\n"}, {"PIP_REQUIREMENT": "r.txt"}),
    "PIP_CONSTRAINT": Form(("demo",), {"c.txt": f"demo @ URL/{WHEEL}\n"}, {"PIP_CONSTRAINT": "c.txt"}),
    "pip.conf's find-links": Form(
        ("demo",), {"pip.conf": "[global]\nfind-links = URL\n"}, {"PIP_CONFIG_FILE": "DIR/pip.conf"}
    ),
    "pip.conf's constraint": Form(
        ("demo",),
        {"pip.conf": "[install]\nconstraint = c.txt\n", "c.txt": f"demo @ URL/{WHEEL}\n"},
        {"PIP_CONFIG_FILE": "DIR/pip.conf"},
    ),
    "find-links behind tilde": Form(("-f", "~", "demo"), environ={"HOME": "DIR"}),
    "find-links of a constraints file": Form(("-c", "c.txt", "demo"), {"c.txt": "-f .\n"}),
    "link to it": Form((f"DIR/links/{WHEEL}",), {f"links/{WHEEL}": b"@LINK"}),
    "constraint relative to its file": Form(("-c", "sub/c.txt", "demo"), {"sub/c.txt": f"demo @ URL/{WHEEL}\n"}),
    "constraint of a nested file": Form(
        ("-r", "r.txt"),
        {"r.txt": "-r sub/s.txt\ndemo\n", "sub/s.txt": "-c c.txt\n", "sub/c.txt": f"demo @ URL/{WHEEL}\n"},
    ),
    "two environment variables": Form(
        ("-r", "r.txt"), {"r.txt": f"demo @ ${{SCHEME}}//${{WHERE}}/{WHEEL}\n"}, {"SCHEME": "file:", "WHERE": "QUOTED"}
    ),
    "path after options of other kinds": Form(("--no-deps", "--pre", "--prefer-binary", f"DIR/{WHEEL}")),
    "lock named as requirements": Form(
        ("-r", "pylock.toml"),
        {
            "pylock.toml": 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "demo"\n'
            f'[packages.archive]\npath = "{WHEEL}"\nhashes = {{sha256 = "SHA256"}}\n'
        },
    ),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index) -> Path:  # noqa: ARG001
    """A directory with a space in its name, which is the working directory."""
    directory = tmp_path / "some where"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def filled(text: str, place: Path) -> str:
    wheel = place / WHEEL
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest() if wheel.exists() else ""
    text = text.replace("URL/", f"{place.as_uri()}/").replace("QUOTED", quote(str(place))).replace("DIR", str(place))
    return (place.as_uri() if text == "URL" else text.replace("= URL\n", f"= {place.as_uri()}\n")).replace(
        "SHA256", digest
    )


@pytest.mark.parametrize("form", OF_A_WHEEL.values(), ids=OF_A_WHEEL)
def test_a_changed_wheel_is_installed(
    form: Form, place: Path, tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for value in ("old", "new"):
        make_wheel(place, {"demo.py": f"x = '{value}'\n".encode()}, name="demo")
        for name, content in form.files.items():
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if content == b"@LINK":
                file.unlink(missing_ok=True)
                file.symlink_to(place / WHEEL)
            elif isinstance(content, bytes):
                file.write_bytes(content.replace(b"URL/", f"{place.as_uri()}/".encode()))
            elif not file.exists() or "SHA256" in content:
                file.write_text(filled(content, place))
        for name, variable in form.environ.items():
            monkeypatch.setenv(name, filled(variable, place))
        into = bare(tmp_path / value)
        install(*(filled(argument, place) for argument in form.arguments), into=into)
        found.append((site_packages(into) / "demo.py").read_text())
    assert found == ["x = 'old'\n", "x = 'new'\n"]


OF_A_PROJECT: dict[str, Form] = {
    "path": Form(("./project",)),
    "absolute path": Form(("DIR/project",)),
    "URL": Form(("URL/project",)),
    "name @ URL": Form(("sample @ URL/project",)),
    "path with extras": Form(("./project[extra]",)),
    "link to it": Form(("./link",)),
    "URL with a fragment": Form(("URL/project#egg=sample",)),
    "URL of a subdirectory": Form(("sample @ URL/.#subdirectory=project",)),
    "variable": Form(("-r", "r.txt"), {"r.txt": "sample @ file://${WHERE}/project\n"}, {"WHERE": "QUOTED"}),
    "constraint": Form(("-c", "c.txt", "sample"), {"c.txt": "sample @ URL/project\n"}),
    "PIP_REQUIREMENT": Form((f"URL/{WHEEL}",), {"r.txt": "./project\n"}, {"PIP_REQUIREMENT": "r.txt"}),
    "file of requirements": Form(("-r", "r.txt"), {"r.txt": "./project[extra] ; python_version > '3'\n"}),
}


@pytest.mark.parametrize("form", OF_A_PROJECT.values(), ids=OF_A_PROJECT)
def test_a_changed_project_is_installed(
    form: Form, place: Path, tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(place / "project")
    make_wheel(place, {"demo.py": b""}, name="demo")
    (place / "link").symlink_to(project)
    for name, content in form.files.items():
        (place / name).write_text(filled(str(content), place))
    for name, variable in form.environ.items():
        monkeypatch.setenv(name, filled(variable, place))
    for value in ("old", "new"):
        (project / "sample.py").write_text(value)
        into = bare(tmp_path / value)
        install(*(filled(argument, place) for argument in form.arguments), into=into)
        assert (site_packages(into) / "sample.py").read_text() == value


def test_a_lock_keeps_the_subdirectory_of_a_project(
    place: Path, tmp_path: Path, cache: Path, reflink: Run, install: Install
) -> None:
    make_project(place / "project")
    wanted = f"sample @ {place.as_uri()}/.#subdirectory=project"
    reflink("lock", "--wheel-cache", cache, "-p", bare(tmp_path / "any"), "-o", tmp_path / "pylock.toml", wanted)
    into = bare(tmp_path / "ours")
    install("--lock", tmp_path / "pylock.toml", into=into)
    assert (site_packages(into) / "sample.py").exists()


@pytest.mark.parametrize(
    "words",
    [
        *(("-e", "./project[extra]"), ("-e", "project"), ("-r", "r.txt"), ("-e", "URL/project")),
        *(("-e", "URL/project#egg=sample"), ("-e", "sample @ URL/project"), ("--editable=DIR/project",)),
    ],
)
def test_a_changed_version_of_an_editable_project_is_installed(
    words: tuple[str, ...], place: Path, tmp_path: Path, install: Install
) -> None:
    project = make_project(place / "project")
    (place / "r.txt").write_text("-e ./project[extra]\n")
    backend = (project / "backend.py").read_text()
    for version in ("1.0", "2.0"):
        (project / "backend.py").write_text(backend.replace("'1.0'", repr(version)))
        into = bare(tmp_path / version)
        install(*(filled(word, place) for word in words), into=into)
        assert packages(into) == {"sample": version}


@pytest.mark.parametrize(
    ("files", "words", "environ"),
    [
        ({"c.txt": "VERSION"}, ("-c", "c.txt", "demo"), {}),
        ({"c.txt": "VERSION"}, ("-c", "URL/c.txt", "demo"), {}),
        ({"c.txt": "VERSION"}, ("demo",), {"PIP_CONSTRAINT": "c.txt"}),
        ({"c.txt": "VERSION"}, ("demo",), {"PIP_CONSTRAINT": "URL/c.txt"}),
        ({"c.txt": "VERSION", "r.txt": "-c c.txt\ndemo\n"}, ("-r", "r.txt"), {}),
        ({"c.txt": "VERSION", "s/r.txt": "--constraint ../c.txt\ndemo\n"}, ("-r", "s/r.txt"), {}),
        ({"c.txt": "VERSION", "c2.txt": "-cc.txt\n"}, ("demo",), {"PIP_CONSTRAINT": "c2.txt"}),
        (
            {"pip.conf": "[install]\nconstraint = c.txt\n", "c.txt": "VERSION"},
            ("demo",),
            {"PIP_CONFIG_FILE": "pip.conf"},
        ),
        (
            {"pip.conf": "[install]\n--constraint = c.txt\n", "c.txt": "VERSION"},
            ("demo",),
            {"PIP_CONFIG_FILE": "pip.conf"},
        ),
        (
            {"pip.conf": "[global]\nrequirement = c.txt\n", "c.txt": "VERSION"},
            ("demo",),
            {"PIP_CONFIG_FILE": "pip.conf"},
        ),
        ({"r.txt": "VERSION"}, ("demo",), {"PIP_REQUIREMENT": "r.txt"}),
        ({"r.txt": "VERSION"}, ("demo", "-r", "r.txt"), {}),
    ],
)
def test_a_changed_file_of_versions_counts(
    files: dict[str, str],
    words: tuple[str, ...],
    environ: dict[str, str],
    place: Path,
    tmp_path: Path,
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path / "dist", {"demo.py": b""}, name="demo", version=version)
    for name, value in environ.items():
        monkeypatch.setenv(name, filled(value, place))
    for version in ("1.0", "2.0"):
        for name, content in files.items():
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_text(content.replace("VERSION", f"demo=={version}\n"))
        into = bare(tmp_path / version)
        install(*(filled(word, place) for word in words), into=into)
        assert packages(into) == {"demo": version}


def test_the_configuration_of_the_environment_counts(
    place: Path, tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path / "dist", {"demo.py": b""}, name="demo", version=version)
    monkeypatch.delenv("PIP_CONFIG_FILE")
    (place / "c.txt").write_text("demo<2\n")
    first, second = bare(tmp_path / "first"), bare(tmp_path / "second")
    (second / "pip.conf").write_text("[install]\nconstraint = c.txt\n")
    for into, version in ((first, "2.0"), (second, "1.0")):
        install("demo", into=into)
        assert packages(into) == {"demo": version}


def test_what_is_remembered_serves_other_environments(
    place: Path, tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(place, {"demo.py": b""}, name="demo")
    # so that pip looks for files of each environment
    monkeypatch.delenv("PIP_CONFIG_FILE")
    told = [install("-f", ".", "demo", into=bare(tmp_path / name)).stdout for name in ("first", "second")]
    assert ["remembered" in each for each in told] == [False, True]


def test_what_nothing_changes_is_remembered(place: Path, tmp_path: Path, index: Index, install: Install) -> None:
    make_wheel(tmp_path / "dist", {"other.py": b""}, name="other")
    make_wheel(place, {"demo.py": b""}, name="demo", metadata="Requires-Dist: other\n")
    make_project(place / "project")
    (place / "r.txt").write_text("-f .\n./project\ndemo[x]>=1,<2 ; python_version > '3' # why\n-c c.txt\n")
    (place / "c.txt").write_text("other!=3\n")
    install("-r", "r.txt", into=bare(tmp_path / "first"))
    asked = list(index.asked)
    assert asked
    done = install("-r", "r.txt", into=bare(tmp_path / "second"))
    assert "resolved" in done.stdout.lower()
    assert index.asked == asked
