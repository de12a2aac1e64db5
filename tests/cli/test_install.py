"""``virtualenv-reflink install`` and ``lock``: resolving, remembering, fetching, replacing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import Install, Run, bare, python_of, tree_digest
from tests.support.comparison import differences, packages, site_packages
from tests.support.index import Index, serving, write_lock
from tests.support.projects import make_project
from tests.support.wheels import make_wheel


def pip(environment: Path, *args: object, code: int = 0) -> str:
    command = [sys.executable, "-m", "pip", "--python", str(python_of(environment)), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_dependencies_and_what_is_told(index: Index, install: Install, environment: Path) -> None:
    make_wheel(
        index.directory, {"sample.py": b""}, metadata="Requires-Dist: other<2\nRequires-Dist: no; os_name=='x'\n"
    )
    for version in ("1.0", "1.5", "2.0"):
        make_wheel(index.directory, {"other.py": b""}, name="other", version=version)
    said = install("sample").stdout.splitlines()
    assert said[0].startswith("Resolved 2 packages in ")
    assert said[1].startswith("Installed 2 packages in ")
    assert " via " in said[1]
    assert said[2:] == [" + other==1.5", " + sample==1.0"]
    assert packages(environment) == {"sample": "1.0", "other": "1.5"}
    info = site_packages(environment)
    assert (info / "sample-1.0.dist-info" / "REQUESTED").exists()
    assert not (info / "other-1.5.dist-info" / "REQUESTED").exists()
    assert install("sample").stdout == "Everything is installed already\n"
    assert install("other==1.0").stdout.splitlines()[2:] == [" - other==1.5", " + other==1.0"]
    assert install("-U", "other", "--dry-run").stdout.splitlines()[1:] == [
        "Would install 1 package", " - other==1.0", " + other==2.0",
    ]  # fmt: skip
    assert packages(environment)["other"] == "1.0"
    assert install("--force-reinstall", "--no-deps", "other==1.0").stdout.splitlines()[2:] == [" ~ other==1.0"]
    assert install("-q", "-U", "other").stdout == ""
    assert packages(environment) == {"sample": "1.0", "other": "2.0"}
    pip(environment, "check", code=1)


def test_a_resolution_is_remembered_while_nothing_changes(tmp_path: Path, index: Index, install: Install) -> None:
    make_wheel(index.directory, {"sample.py": b""})
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("sample\n")
    assert "remembered" not in install("-r", requirements).stdout
    asked = len(index.asked)

    def again(*args: object) -> bool:
        """Whether a new environment was made without asking the index."""
        before = len(index.asked)
        target = bare(tmp_path / f"env-{len(list(tmp_path.iterdir()))}")
        told = install("-r", requirements, *args, into=target).stdout
        assert packages(target).keys() >= {"sample"}
        silent = len(index.asked) == before
        assert silent == ("(remembered, " in told)
        return silent

    assert asked
    assert again()
    assert not again("--refresh")
    assert not again("--remember-for", "0")
    assert again()
    requirements.write_text("sample # changed\n")
    assert not again()
    (tmp_path / "constraints.txt").write_text("sample<2\n")
    requirements.write_text(f"-c {tmp_path}/constraints.txt\nsample\n")
    assert not again()
    assert again()
    (tmp_path / "constraints.txt").write_text("sample<3\n")
    assert not again()
    assert not again("--pre")
    assert not again("--extra-index-url", f"{index.url}other/")


def test_the_installed_counts_in_what_is_remembered(index: Index, install: Install, environment: Path) -> None:
    make_wheel(index.directory, {"sample.py": b""}, metadata="Requires-Dist: other\n")
    for version in ("1.0", "2.0"):
        make_wheel(index.directory, {"other.py": b""}, name="other", version=version)
    install("other==1.0")
    install("sample")
    assert packages(environment) == {"sample": "1.0", "other": "1.0"}


def test_a_cached_wheel_is_not_downloaded_again_from_elsewhere(tmp_path: Path, index: Index, install: Install) -> None:
    make_wheel(index.directory, {"sample_cached.py": os.urandom(9)}, name="sample_cached")
    install("sample_cached")
    with serving(index.directory) as other:
        install("sample_cached", "-i", other.url, "--refresh", into=bare(tmp_path / "second"))
        assert [path for path in other.asked if path.startswith("/simple")]
        # pip itself reads metadata from this index by downloading the wheel, as it offers none apart
        assert len([path for path in other.asked if path.startswith("/files")]) <= 1
        lock, asked = tmp_path / "pylock.toml", len(other.asked)
        write_lock(lock, other.file_url("sample_cached-1.0-py3-none-any.whl"), index.directory)
        install("--lock", lock, into=bare(tmp_path / "third"))
        assert len(other.asked) == asked
    assert packages(tmp_path / "third") == {"sample_cached": "1.0"}


def test_offline_asks_nothing(tmp_path: Path, cache: Path, index: Index, install: Install) -> None:
    make_wheel(index.directory, {"sample_offline.py": b""}, name="sample_offline")
    assert "--offline forbids to ask an index" in install("sample_offline", "--offline", code=1).stderr
    install("sample_offline")
    asked, second = len(index.asked), bare(tmp_path / "second")
    without_network = ["unshare", "--net"] if os.geteuid() == 0 else []
    options = ["--offline", "--remember-for", "0", "--wheel-cache", cache, "-p", second]
    command = [*without_network, sys.executable, "-m", "virtualenv_reflink", "install", "sample_offline", *options]
    subprocess.run(command, check=True)
    assert packages(second) == {"sample_offline": "1.0"}
    assert len(index.asked) == asked
    lock, url = tmp_path / "pylock.toml", index.file_url("sample_offline-1.0-py3-none-any.whl")
    write_lock(lock, url, index.directory, sha256="0" * 64)
    said = install("--offline", "--lock", lock, into=bare(tmp_path / "third"), code=1).stderr
    assert "the wheel cache lacks sample-offline 1.0, and --offline forbids to fetch it" in said


def test_in_any_order_with_pip(index: Index, install: Install, environment: Path) -> None:
    for version in ("1.0", "2.0", "3.0"):
        files = {"sample/__init__.py": b"", f"sample/only{version[0]}.py": b""}
        make_wheel(index.directory, files, version=version, entry_points="[console_scripts]\nsample = sample:a\n")
    empty = tree_digest(environment)
    install("sample==1.0")
    pip(environment, "install", "-U", "sample==2.0")
    install("sample==3.0")
    assert {path.name for path in (site_packages(environment) / "sample").glob("*.py")} == {"__init__.py", "only3.py"}
    pip(environment, "install", "sample==1.0")
    install("-U", "sample")
    install("--force-reinstall", "sample")
    pip(environment, "check")
    assert pip(environment, "freeze") == "sample==3.0\n"
    pip(environment, "uninstall", "-y", "sample")
    assert tree_digest(environment) == empty


def test_projects_and_sdists_are_built_once(tmp_path: Path, index: Index, install: Install) -> None:
    log = tmp_path / "log"
    project = make_project(tmp_path / "project", log=log)
    with tarfile.open(index.directory / "sample-1.0.tar.gz", "w:gz") as archive:
        archive.add(make_project(tmp_path / "sample-1.0"), "sample-1.0")
    install(project)
    install(project, into=bare(tmp_path / "second"))
    assert log.read_text() == "x"
    (project / "sample.py").write_text("value = 2\n")
    install(project, into=bare(tmp_path / "third"))
    assert log.read_text() == "xx"
    assert (site_packages(tmp_path / "third") / "sample.py").read_text() == "value = 2\n"
    install("sample", into=bare(tmp_path / "fourth"))
    assert packages(tmp_path / "fourth") == {"sample": "1.0"}
    before = len(index.asked)
    install("sample", into=bare(tmp_path / "fifth"))
    assert len(index.asked) == before


@pytest.mark.parametrize("kind", ["project", "editable", "wheel", "archive", "url", "vcs"])
def test_what_comes_from_elsewhere_is_recorded_as_pip_does(
    tmp_path: Path, index: Index, install: Install, environment: Path, kind: str
) -> None:
    project = make_project(tmp_path / "project")
    wheel = make_wheel(index.directory, {"other.py": b""}, name="other")
    with tarfile.open(index.directory / "sample-1.0.tar.gz", "w:gz") as archive:
        archive.add(project, "sample-1.0")
    repository = make_project(tmp_path / "repository")
    git = ["git", "-c", "user.name=n", "-c", "user.email=e", "-C", str(repository)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    words = {
        "project": [project],
        "editable": ["-e", project],
        "wheel": [wheel],
        "archive": [index.directory / "sample-1.0.tar.gz"],
        "url": [f"other @ {index.file_url(wheel.name)}"],
        "vcs": [f"git+file://{repository}@v1"],
    }[kind]
    install(*words)
    theirs = bare(tmp_path / "theirs" / "env")
    pip(theirs, "install", *words)
    assert list(site_packages(environment).glob("*/direct_url.json"))
    assert differences(environment, theirs) == []
    assert pip(environment, "freeze") == pip(theirs, "freeze")


def test_into_a_directory(tmp_path: Path, index: Index, install: Install) -> None:
    files = {"sample.py": b"", "sample-1.0.data/data/share/sample.txt": b""}
    make_wheel(index.directory, files, entry_points="[console_scripts]\nsample = sample:a\n")
    make_wheel(index.directory, {"sample.py": b""}, version="2.0")
    target = tmp_path / "packages"
    assert "Installed 1 package" in install("--target", target, "sample==1.0").stdout
    assert {path.name for path in target.iterdir()} >= {"sample.py", "bin", "share", "sample-1.0.dist-info"}
    assert "installed already" in install("--target", target, "sample==1.0").stdout
    install("--target", target, "sample")
    assert {path.name for path in target.iterdir()} == {"sample.py", "__pycache__", "sample-2.0.dist-info"}


def test_hashes_in_requirements(tmp_path: Path, index: Index, install: Install, environment: Path) -> None:
    wheel = make_wheel(index.directory, {"sample.py": b""})
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"sample==1.0 --hash=sha256:{'0' * 64}\n")
    assert "HASH" in install("-r", requirements, code=1).stderr.upper()
    assert packages(environment) == {}
    requirements.write_text(f"sample==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    install("-r", requirements)
    assert packages(environment) == {"sample": "1.0"}


def test_the_seeder_takes_requirements_and_locks(tmp_path: Path, index: Index, cache: Path, virtualenv: Run) -> None:
    make_wheel(index.directory, {"sample.py": b""}, metadata="Requires-Dist: other\n")
    make_wheel(index.directory, {"other.py": b""}, name="other")
    third = make_wheel(index.directory, {"third.py": b""}, name="third")
    (tmp_path / "requirements.txt").write_text("sample\n")
    write_lock(tmp_path / "pylock.toml", index.file_url(third.name), index.directory)
    files = ["--with-requirements", tmp_path / "requirements.txt", "--with-requirements", tmp_path / "pylock.toml"]
    virtualenv("--wheel-cache", cache, "--with", "other>=1", *files, tmp_path / "seeded")
    assert packages(tmp_path / "seeded").keys() >= {"pip", "sample", "other", "third"}
    project = make_project(tmp_path / "project", name="editable_project")
    (tmp_path / "requirements.txt").write_text(f"-e {project}\n")
    virtualenv("--wheel-cache", cache, "--no-pip", *files[:2], tmp_path / "second")
    subprocess.run([python_of(tmp_path / "second"), "-c", "import editable_project"], check=True)
