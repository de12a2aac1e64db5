"""The compiled part with random input: it does what it should or raises, and never harms its process."""

from __future__ import annotations

import os
import random
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.tasks import new_tasks, tasks
from virtualenv_reflink.cache.disk_usage import _measure as measure_in_python
from virtualenv_reflink.cache.file_table import File, FileTable
from virtualenv_reflink.filesystem import native
from virtualenv_reflink.filesystem.deletion import delete_tree

pytestmark = [pytest.mark.usefixtures("core"), pytest.mark.parametrize("core", ["native"], indirect=True)]
ROUNDS = 60
ODD: list[Any] = [
    None,
    -1,
    0,
    1 << 80,
    1.5,
    "",
    "a\0b",
    "\ud800",
    b"bytes",
    "x" * 5000,
    "../..",
    [],
    (),
    ("a",),
    object(),
]
COLUMNS: list[Any] = [*ODD, "a/b", "01", "1,2", "1,", ",", "1,-2", "012", "9" * 30]
# none of them leads anywhere
PATHS: list[Any] = [None, 1, "a\0b", "", "x" * 5000, "missing"]


def test_random_batches_are_placed_or_named(tmp_path: Path) -> None:
    rng = random.Random(7)
    for number in range(ROUNDS):
        place = tmp_path / str(number)
        names = made(place / "source", rng)
        (place / "target").mkdir()
        wanted = [File(name, rng.random() < 0.5, size + (rng.random() < 0.02), "") for name, size in names]
        for name, *_ in rng.sample(wanted, len(wanted) // 40):
            rng.choice([(place / "source" / name).unlink, (place / "target" / name).mkdir])()
        placing = native.start_placing(0o022)
        assert placing is not None
        cut = sorted(rng.choices(range(len(wanted) + 1), k=6))
        for start, end in zip([0, *cut], [*cut, len(wanted)], strict=True):
            operation = rng.choice([native.CLONE, native.LINK, native.COPY])
            columns = FileTable.of(wanted[start:end])[:3]
            placing.submit(operation, f"{place}/source", f"{place}/target", *columns, rng.choice([None, -5]))
        if rng.random() < 0.2:
            placing.stop()
        while not placing.wait(0.01):
            pass
        placing.stop()
        check(place, dict(names), placing.failure(), placing.placed()[0], len(wanted))


def check(place: Path, sizes: dict[str, int], failure: Any, placed: int, wanted: int) -> None:
    """Each target is whole, and what is named as failed has failed."""
    found = [path for path in (place / "target").iterdir() if path.is_file()]
    assert len(found) == placed <= wanted
    for path in found:
        assert path.stat().st_size == sizes[path.name]
    if failure is not None:
        directory, name = failure[2:4]
        assert directory in {f"{place}/source", f"{place}/target"}
        assert not (place / "target" / name).is_file()


def made(directory: Path, rng: random.Random) -> list[tuple[str, int]]:
    """Make files of random names and sizes."""
    directory.mkdir(parents=True)
    sizes = {}
    for number in range(rng.randrange(200)):
        name = f"{number}{rng.choice(['', '.py', 'é', chr(0xDC80), ' ', chr(10)])}"
        sizes[name] = rng.choice([0, 0, 1, 100, 4096, 70_000])
        (directory / name).write_bytes(bytes(sizes[name]))
    return list(sizes.items())


def test_arguments_of_any_kind_are_refused_or_harmless(tmp_path: Path) -> None:
    rng = random.Random(11)
    placing = native.start_placing(0o022)
    assert placing is not None
    refused = 0
    for _ in range(ROUNDS * 50):
        columns = rng.choices(COLUMNS, k=3)
        call: Callable[[], object] = rng.choice(
            [
                lambda: placing.submit(*rng.choices(ODD, k=7)),
                lambda given=columns: placing.submit(rng.randrange(-1, 4), str(tmp_path), str(tmp_path), *given, None),
                lambda: placing.wait(rng.choice(ODD)),
                lambda: native._load().Placing(*rng.choices(ODD, k=rng.randrange(4))),
                lambda: native._load().extents(rng.choice([rng.choices(ODD, k=rng.randrange(4)), rng.choice(ODD)])),
                lambda: native._load().delete_tree(rng.choice(PATHS), 2),
                lambda: native._load().disk_usage(rng.choice(PATHS)),
                lambda: native._load().statuses(rng.choice(PATHS), rng.choices(ODD, k=rng.randrange(4)), 2),
                lambda: native._load().statuses(str(tmp_path), rng.choice([PATHS, rng.choice(ODD)]), rng.choice(ODD)),
            ]
        )
        try:
            call()
        except (TypeError, ValueError, OverflowError, OSError):
            refused += 1
    placing.stop()
    assert refused > ROUNDS * 25


def test_one_that_is_dropped_ends_its_threads(tmp_path: Path) -> None:
    names = made(tmp_path / "source", random.Random(13))
    before = tasks()
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        placing = native.start_placing(0o022)
        assert placing is not None
        columns = FileTable.of([File(name, False, size, "") for name, size in names])[:3]
        placing.submit(native.COPY, f"{tmp_path}/source", f"{tmp_path}/{number}", *columns, None)
        del placing
    assert not new_tasks(before)


def delete_all(directories: list[Path]) -> None:
    for directory in reversed(directories):
        shutil.rmtree(directory, ignore_errors=True)


def random_tree(rng: random.Random, root: Path) -> list[Path]:
    """Make a tree and return its directories, each before those in it."""
    directories = [root]
    root.mkdir()
    for number in range(rng.randrange(300)):
        parent = rng.choice(directories)
        if rng.random() < 0.4:
            directories.append(parent / f"d{number}")
            directories[-1].mkdir()
        elif rng.random() < 0.2:
            (parent / f"l{number}").symlink_to(root)
        else:
            (parent / f"f{number}").write_bytes(bytes(rng.choice([0, 1, 70_000])))
            if rng.random() < 0.3:
                (rng.choice(directories) / f"h{number}").hardlink_to(parent / f"f{number}")
    return directories


def test_random_trees_are_measured_as_in_python(tmp_path: Path) -> None:
    rng = random.Random(18)
    measure = native.native_disk_usage()
    assert measure is not None
    for number in range(ROUNDS // 3):
        tree = tmp_path / f"tree{chr(0xDC80)}{number}"
        directories = random_tree(rng, tree)
        others, linked = measure(str(tree))
        others_in_python, linked_in_python = measure_in_python(str(tree))
        assert (others, sorted(linked)) == (others_in_python, sorted(linked_in_python))
        beside = threading.Thread(target=delete_all, args=(directories,))
        beside.start()
        # a file whose other names are deleted meanwhile is no longer one with hard links
        assert measure(str(tree))[0] <= others + sum(size for _, _, size in linked_in_python)
        beside.join()
        assert (measure(str(tree))[0], list(measure(str(tree))[1])) == (0, [])


def test_random_trees_are_deleted_while_others_change_them(tmp_path: Path) -> None:
    rng = random.Random(17)
    for _ in range(ROUNDS // 3):
        directories = random_tree(rng, tmp_path / "tree")
        beside = threading.Thread(target=delete_all, args=(directories,))
        beside.start()
        with suppress(FileNotFoundError):
            delete_tree(str(tmp_path / "tree"))
        beside.join()
        assert os.listdir(tmp_path) == []


def test_a_part_built_with_a_later_python_counts_references(tmp_path: Path) -> None:
    """Before Python 3.12 None can run out of them, which ends the process."""
    placing = native.start_placing(0o022)
    assert placing is not None
    before = sys.getrefcount(None)
    for _ in range(1000):
        placing.submit(native.COPY, str(tmp_path), str(tmp_path), "", "", "", None)
        placing.failure()
    placing.stop()
    assert abs(sys.getrefcount(None) - before) < 500
