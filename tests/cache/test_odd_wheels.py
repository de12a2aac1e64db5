"""Wheels that are not as they should be, and are installed all the same, as pip installs them."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Install, bare
from tests.support.comparison import facts, site_packages
from tests.support.wheels import make_wheel, record_hash
from virtualenv_reflink.cache.wheel_cache import WheelCache
from virtualenv_reflink.errors import BadWheelError

INFO = "sample-1.0.dist-info"
ANY = "py3-none-any.whl"
FILES = {"sample.py": b"answer = 42\n", "sample_data.bin": b"\xfb\xff\xfe" * 30}
Rows = list[list[str]]
Change = Callable[[Rows], "Rows | str"]


def pip_install(environment: Path, *wheels: object, code: int = 0) -> None:
    command = [sys.executable, "-m", "pip", "--python", environment, "install", "--no-index", "--no-deps", *wheels]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == bool(code), done.stdout + done.stderr


def with_record(directory: Path, change: Change) -> Path:
    """A wheel whose true RECORD was changed."""
    with zipfile.ZipFile(make_wheel(directory, FILES)) as archive:
        rows = list(csv.reader(archive.read(f"{INFO}/RECORD").decode().splitlines()))
    changed = change(rows)
    text = changed if isinstance(changed, str) else "".join(",".join(row) + "\n" for row in changed)
    return make_wheel(directory, FILES, record=text)


def only(path: str, change: Callable[[list[str]], list[str]]) -> Change:
    return lambda rows: [change(row) if row[0] == path else row for row in rows]


def each_hash(change: Callable[[str, bytes], str]) -> Change:
    """Write the hash of each of our files in another way."""
    return lambda rows: [[row[0], change(row[1], FILES[row[0]]) if row[0] in FILES else row[1], row[2]] for row in rows]


def hash_by(algorithm: str) -> Callable[[str, bytes], str]:
    def write(_: str, content: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).decode().rstrip("=")
        return f"{algorithm}={digest}"

    return write


UNTRUE: dict[str, tuple[Change, str]] = {
    "not listed": (lambda rows: [row for row in rows if row[0] != "sample.py"], "'sample.py' is not listed"),
    "nothing listed": (lambda _: "", "is not listed and 3 more"),
    "listed but absent": (lambda rows: [["gone.py", record_hash(b""), "0"], *rows], "'gone.py' is listed"),
    "a script of its own": (lambda rows: [["../../../bin/sample", "", ""], *rows], "'../../../bin/sample' is listed"),
    "absolute path outside": (lambda rows: [["/etc/passwd", "", ""], *rows], "'etc/passwd' is listed"),
    "absolute paths": (lambda rows: [[f"/{row[0]}", *row[1:]] for row in rows], "rows that are malformed"),
    "wrong size": (only("sample.py", lambda row: [*row[:2], "13"]), "'sample.py' has 12 bytes in place of 13"),
    "size that is no number": (only("sample.py", lambda row: [*row[:2], "12.0"]), "in place of 12.0"),
    "no hash": (only("sample.py", lambda row: [row[0], "", row[2]]), "'sample.py' has no hash"),
    "empty hash": (only("sample.py", lambda row: [row[0], "sha256=", row[2]]), "'sample.py' has no hash"),
    "no algorithm": (only("sample.py", lambda row: [row[0], "0123", row[2]]), "'sample.py' has no hash"),
    "unknown algorithm": (only("sample.py", lambda row: [row[0], "crc=12", row[2]]), "'sample.py' has no hash"),
    "MD5": (each_hash(hash_by("md5")), "'sample.py' has only a hash by md5"),
    "SHA-1": (each_hash(hash_by("sha1")), "'sample.py' has only a hash by sha1"),
    "listed twice": (lambda rows: [rows[0], *rows], "'sample.py' is listed more than once"),
    "two fields": (lambda rows: [["a", "b"], *rows], "'a' is listed"),
    "comma that is not quoted": (lambda rows: [["a", "b.txt", "", ""], *rows], "'a' is listed"),
}
TRUE: dict[str, Change] = {
    "padded": each_hash(lambda true, _: f"{true}="),
    "standard alphabet": each_hash(lambda true, _: true.replace("-", "+").replace("_", "/")),
    "hexadecimal": each_hash(lambda _, content: f"sha256={hashlib.sha256(content).hexdigest()}"),
    "large letters": each_hash(lambda true, _: true.replace("sha256", "SHA256")),
    "SHA-512": each_hash(hash_by("sha512")),
    "SHA-384": each_hash(hash_by("sha384")),
    "no sizes": lambda rows: [[*row[:2], ""] for row in rows],
    "dots": lambda rows: [[f"./{row[0]}", *row[1:]] for row in rows],
    "empty lines": lambda rows: "\n\n".join(",".join(row) for row in rows),
    "Windows lines": lambda rows: "".join(",".join(row) + "\r\n" for row in rows),
}


def check_installed(wheel: Path, tmp_path: Path, environment: Path, install: Install) -> None:
    """Check that the environment is as pip makes it, and that our RECORD is true."""
    install(wheel)
    theirs = bare(tmp_path / "theirs" / environment.name)
    pip_install(theirs, wheel)
    # pip leaves an empty directory where nothing could be compiled
    empty = {path for path in facts(theirs) if path.endswith("__pycache__") and not os.listdir(theirs / path)}
    assert facts(environment) == {path: fact for path, fact in facts(theirs).items() if path not in empty}
    check_record(environment)


def check_record(environment: Path) -> None:
    library = site_packages(environment)
    with (library / INFO / "RECORD").open(newline="") as stream:
        rows = {row[0]: row[1:] for row in csv.reader(stream)}
    for path in library.rglob("*"):
        name = str(path.relative_to(library))
        if path.is_file() and not name.endswith(".pyc") and name != f"{INFO}/RECORD":
            algorithm = rows[name][0].partition("=")[0]
            digest = base64.urlsafe_b64encode(hashlib.new(algorithm, path.read_bytes()).digest()).decode().rstrip("=")
            assert rows[name] == [f"{algorithm}={digest}", str(path.stat().st_size)]
    assert all((library / name).exists() for name in rows)


@pytest.mark.parametrize(("change", "warning"), UNTRUE.values(), ids=UNTRUE)
def test_what_record_says_wrongly_is_recorded_truly(tmp_path: Path, change: Change, warning: str) -> None:
    (told,) = WheelCache(tmp_path / "cache").unpacked(with_record(tmp_path, change)).metadata.warnings
    assert warning in told
    assert "its RECORD is wrong (" in told


@pytest.mark.parametrize("change", TRUE.values(), ids=TRUE)
def test_what_record_says_in_another_way_is_no_mismatch(tmp_path: Path, change: Change) -> None:
    unpacked = WheelCache(tmp_path / "cache").unpacked(with_record(tmp_path, change))
    assert unpacked.metadata.warnings == []


@pytest.mark.parametrize("name", ["not listed", "absolute path outside", "two fields", "MD5", "listed twice"])
def test_an_untrue_record_is_installed_as_by_pip(
    tmp_path: Path, name: str, environment: Path, install: Install
) -> None:
    check_installed(with_record(tmp_path, UNTRUE[name][0]), tmp_path, environment, install)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("path", ["sample.py", f"{INFO}/WHEEL"])
def test_another_content_than_promised_is_refused(tmp_path: Path, algorithm: str, path: str) -> None:
    lie = hash_by(algorithm)("", b"another content")
    wheel = with_record(tmp_path, only(path, lambda row: [row[0], lie, row[2]]))
    with pytest.raises(BadWheelError, match=f"the hash of '{path}' is not the one in RECORD"):
        WheelCache(tmp_path / "cache").unpacked(wheel)


OTHER_PROJECTS = {
    "hyphen in the name": ("foo_bar-1.0-py3-none-any.whl", "foo-bar-1.0.dist-info", "Name: foo-bar\nVersion: 1.0"),
    "another name": ("foo-1.0-py3-none-any.whl", "foo_bar-1.0.dist-info", "Name: foo\nVersion: 1.0"),
    "longer name": ("foo-1.0-py3-none-any.whl", "foobar-1.0.dist-info", "Name: foo\nVersion: 1.0"),
    "hyphen in the version": ("foo-1.0-py3-none-any.whl", "foo-bar-1.0.dist-info", "Name: foo\nVersion: 1.0"),
    "METADATA of another": ("foo-1.0-py3-none-any.whl", "foo-1.0.dist-info", "Name: bar\nVersion: 1.0"),
    "METADATA without name": ("foo-1.0-py3-none-any.whl", "foo-1.0.dist-info", "Version: 1.0"),
    "METADATA without version": ("foo-1.0-py3-none-any.whl", "foo-1.0.dist-info", "Name: foo"),
}


def raw_wheel(directory: Path, filename: str, info: str, metadata: str, files: dict[str, bytes] | None = None) -> Path:
    """A wheel of these very names, without a row in RECORD."""
    wheel = directory / filename
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in (files or {"foo.py": b""}).items():
            archive.writestr(path, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\n{metadata}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.mark.parametrize(("filename", "info", "metadata"), OTHER_PROJECTS.values(), ids=OTHER_PROJECTS)
def test_a_wheel_with_the_metadata_of_another_project_is_refused(
    tmp_path: Path, filename: str, info: str, metadata: str
) -> None:
    with pytest.raises(BadWheelError, match=r"is not that of|METADATA gives"):
        WheelCache(tmp_path / "cache").unpacked(raw_wheel(tmp_path, filename, info, metadata))


@pytest.mark.parametrize(
    ("filename", "info", "metadata"),
    [
        ("foo_bar-1.0-py3-none-any.whl", "Foo.Bar-1.0.0.dist-info", "Name: Foo.Bar\nVersion: 1.0"),
        ("foo-1.0+local.1-py3-none-any.whl", "foo-1.0+local_1.dist-info", "Name: foo\nVersion: 1.0+LOCAL-1"),
        ("foo-1.0rc1-py3-none-any.whl", "foo-1.0.rc1.dist-info", "Name: FOO\nVersion: 1.0c1"),
    ],
)
def test_other_ways_to_write_the_same_name_and_version_are_taken(
    tmp_path: Path, filename: str, info: str, metadata: str
) -> None:
    unpacked = WheelCache(tmp_path / "cache").unpacked(raw_wheel(tmp_path, filename, info, metadata))
    assert f"Name: {unpacked.metadata.distribution}\nVersion: {unpacked.metadata.version}" == metadata


@pytest.mark.parametrize(
    ("info", "version"),
    [("sample-1.0", "1.1"), ("sample-1.1", "1.0"), ("sample-1.1", "1.1"), ("sample", "1.0"), ("sample-1.0", "1")],
)
def test_another_version_than_in_the_file_name_is_taken_as_by_pip(
    tmp_path: Path, info: str, version: str, environment: Path, install: Install
) -> None:
    metadata = f"Name: sample\nVersion: {version}"
    wheel = raw_wheel(tmp_path, f"sample-1.0-{ANY}", f"{info}.dist-info", metadata, {"sample.py": b""})
    theirs = bare(tmp_path / "theirs")
    for number in range(2):
        install(*["--force-reinstall"] * number, wheel)
        pip_install(theirs, *["--force-reinstall"] * number, wheel)
        assert facts(environment) == facts(theirs)


def test_another_version_than_an_index_promises_is_refused(tmp_path: Path, environment: Path, install: Install) -> None:
    metadata = "Name: sample\nVersion: 1.1"
    raw_wheel(tmp_path, f"sample-1.0-{ANY}", "sample-1.0.dist-info", metadata)
    words = ("--no-index", "--find-links", tmp_path, "sample")
    install(*words, code=1)
    pip_install(environment, *words, code=1)


@pytest.mark.parametrize("name", ["sample.data", "Sample-1.0.data", "x.data"])
def test_a_data_directory_of_any_name_is_one(tmp_path: Path, name: str, environment: Path, install: Install) -> None:
    files = {
        **FILES,
        f"{name}/data/share/sample.txt": b"shared",
        f"{name}/scripts/sample-tool": b"#!python\nprint('ran')\n",
        f"{name}/purelib/sample_more.py": b"",
    }
    wheel = make_wheel(tmp_path, files, executable=(f"{name}/scripts/sample-tool",))
    check_installed(wheel, tmp_path, environment, install)
    assert subprocess.check_output([environment / "bin" / "sample-tool"]) == b"ran\n"


@pytest.mark.parametrize("name", ["x.data", "x.data/file", "x.data/elsewhere/file"])
def test_what_lies_in_no_scheme_is_refused_as_by_pip(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadWheelError, match="belongs to no install scheme"):
        WheelCache(tmp_path / "cache").unpacked(make_wheel(tmp_path, {name: b""}))


def test_what_only_an_installer_can_know_is_never_taken_from_the_wheel(
    tmp_path: Path, environment: Path, install: Install
) -> None:
    lie = b'{"dir_info": {}, "url": "file:///builder"}'
    wheel = make_wheel(tmp_path, {**FILES, f"{INFO}/direct_url.json": lie, f"{INFO}/INSTALLER": b"conda\n"})
    install(wheel)
    assert wheel.as_uri() in (site_packages(environment) / INFO / "direct_url.json").read_text()
    check_record(environment)


def test_signatures_of_record_are_installed_as_by_pip(tmp_path: Path, environment: Path, install: Install) -> None:
    signatures = {f"{INFO}/RECORD.jws": b"{}", f"{INFO}/RECORD.p7s": b"\x00"}
    wheel = make_wheel(tmp_path, {**FILES, **signatures}, record=f"{INFO}/RECORD,,\n")
    check_installed(wheel, tmp_path, environment, install)


ENTRY_POINTS = {
    "option twice": "[console_scripts]\nsample = sample:main\nsample = sample:other\n",
    "option twice elsewhere": "[console_scripts]\nsample = sample:main\n[p]\na = sample:A\na = sample:B\n",
    "section twice": "[console_scripts]\nsample = sample:main\n[p]\n[console_scripts]\nsample2 = sample:main\n",
    "indented": "[console_scripts]\n  sample = sample:main\n      sample2 = sample:main\n",
    "before a section": "x = 1\n[console_scripts]\nsample = sample:main\n",
    "extras": "[console_scripts]\nsample = sample:main [one, two]\nsample2 = sample:main[one]\n",
    "comments": "# comment\n[console_scripts]\n# comment\nsample = sample:main\n",
    "method": "[console_scripts]\nsample = sample.inner:Type.method\n",
    "console and GUI": "[gui_scripts]\nsample = sample:gui\n[console_scripts]\nsample = sample:main\n",
    "nonsense elsewhere": "[console_scripts]\nsample = sample:main\n[other]\na = b c d\n= x\n",
    "large letters": "[console_scripts]\nSample = sample:main\nsample = sample:other\n",
    "byte order": "[Console_Scripts]\nother = sample:main\n[console_scripts]\nsample = sample:main\n",
}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there pip does not read them with importlib.metadata yet")
@pytest.mark.parametrize("text", ENTRY_POINTS.values(), ids=ENTRY_POINTS)
def test_entry_points_are_read_as_by_pip(tmp_path: Path, text: str, environment: Path, install: Install) -> None:
    wheel = make_wheel(tmp_path, FILES, entry_points=text)
    theirs = bare(tmp_path / "theirs")
    install("--no-compile-bytecode", wheel)
    pip_install(theirs, wheel)
    calls = [scripts_of(each) for each in (environment, theirs)]
    assert calls[0] == calls[1]
    assert calls[0]


def scripts_of(environment: Path) -> dict[str, list[str]]:
    """The lines that import and call, of each script that a wheel brought."""
    texts = {
        path.name: path.read_text().splitlines()
        for path in (environment / "bin").iterdir()
        if path.name.lower().startswith("sample")
    }
    return {name: [line.strip() for line in text if "from " in line or "exit(" in line] for name, text in texts.items()}


def test_an_identifier_with_combining_marks_is_one(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, FILES, entry_points="[console_scripts]\nsample = sample:\u0b9a\u0bc6\u0baf\n")
    (point,) = WheelCache(tmp_path / "cache").unpacked(wheel).metadata.entry_points
    assert point.attr == "\u0b9a\u0bc6\u0baf"


def test_spaces_around_the_colon_are_taken_as_importlib_takes_them(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, FILES, entry_points="[console_scripts]\nsample = sample : main [one]\n")
    (point,) = WheelCache(tmp_path / "cache").unpacked(wheel).metadata.entry_points
    assert (point.module, point.attr) == ("sample", "main")


def test_a_line_without_value_is_refused_with_the_reason(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, FILES, entry_points="[p]\nno equals sign\n")
    with pytest.raises(BadWheelError, match="neither a section nor name = value"):
        WheelCache(tmp_path / "cache").unpacked(wheel)


def test_a_script_that_calls_nothing_is_refused_with_the_reason(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, FILES, entry_points="[console_scripts]\nsample = sample\n")
    with pytest.raises(BadWheelError, match=r"entry_points.txt has 'sample = sample', which names no function"):
        WheelCache(tmp_path / "cache").unpacked(wheel)


def test_a_directory_entry_may_stand_twice(tmp_path: Path, environment: Path, install: Install) -> None:
    wheel = make_wheel(tmp_path, {"sample/__init__.py": b""})
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("sample/", b"")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("sample/", b"")
    check_installed(wheel, tmp_path, environment, install)


@pytest.mark.parametrize("length", [200, 226, 240, 252])
def test_a_name_too_long_for_bytecode_is_left_uncompiled_as_by_pip(
    tmp_path: Path, length: int, environment: Path, install: Install
) -> None:
    check_installed(make_wheel(tmp_path, {f"{'s' * length}.py": b""}), tmp_path, environment, install)


def test_a_bad_offset_in_the_archive_is_the_fault_of_the_wheel(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, FILES)
    content = bytearray(wheel.read_bytes())
    begin = content.index(b"PK\1\2")
    content[begin + 42 : begin + 46] = b"\xff\xff\xff\xfe"
    wheel.write_bytes(content)
    with pytest.raises(BadWheelError, match=wheel.name):
        WheelCache(tmp_path / "cache").unpacked(wheel)
