"""``python -m tests.pythons``: each Python as a host for each other as a target.

As root on Linux, with the Pythons that pyenv, TEST_PYTHONS and the PATH have, on a btrfs, where every link mode is
possible. A table of it is written into docs/reference/pythons.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from benchmarks.loop_mounts import loop_mount, why_no_mounts
from tests.campaign.setting import remove
from tests.conftest import python_of
from tests.pythons.checks import MODES, faults
from tests.support.interpreters import VERSIONS, interpreters

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "pythons.md"
MARK = "<!-- table -->\n"
HOSTS = [version for version in VERSIONS if version not in ("3.9", "pypy3.11") and not version.endswith("d")]


class Row(NamedTuple):
    """A target: its whole version, the modules seeded, and for each host what was found."""

    version: str
    modules: Sequence[str]
    cells: list[str]


def main() -> int:
    """Make the table; the exit status is 1 if anything is wrong."""
    parser = ArgumentParser("python -m tests.pythons", description=__doc__)
    parser.add_argument("--hosts", nargs="+", default=HOSTS)
    parser.add_argument("--targets", nargs="+", default=VERSIONS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many targets to look at at once")
    parser.add_argument("--print", action="store_true", help="print the table, and leave the page as it is")
    options = parser.parse_args()
    missing = why_no_mounts("btrfs")
    if missing:
        parser.error(f"a btrfs cannot be mounted: {missing}")
    with loop_mount("btrfs", 16384) as place:
        hosts = {version: _host(place, version, python) for version, python in _there(options.hosts)}
        with ThreadPoolExecutor(options.jobs) as pool:
            rows = list(pool.map(lambda target: _row(place, hosts, *target), _there(options.targets)))
    table = _table(list(hosts), rows)
    print(table)
    if not options.print:
        head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
        PAGE.write_text(f"{head}{MARK}\n{table}\n", encoding="utf-8")
    return int(any(cell != _all_is_well() for row in rows for cell in row.cells))


def _there(versions: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for version in versions:
        python = next(interpreters(version), None)
        if python:
            yield version, python
        else:
            print(f"there is no Python {version}", file=sys.stderr)


def _host(place: Path, version: str, python: Path) -> Path:
    """Return an interpreter of that version that has this project."""
    environment = place / f"host-{version}"
    done = _reflink(Path(sys.executable), place, "copy", python, environment, str(ROOT))
    if done.returncode:
        raise SystemExit(f"no host {version}: {done.stderr}")
    return python_of(environment)


def _row(place: Path, hosts: dict[str, Path], version: str, python: Path) -> Row:
    """Have each host make environments for a target."""
    modules = _with_wheels(place / f"first-{version}", next(iter(hosts.values())), python)
    cells = [_cell(place / f"{name}-{version}", host, python, modules) for name, host in hosts.items()]
    said = subprocess.check_output([python, "-c", "import platform; print(platform.python_version())"], text=True)
    print(f"{version}: {', '.join(cells)}", file=sys.stderr, flush=True)
    return Row(f"{version} ({said.strip()})", modules, cells)


def _with_wheels(environment: Path, host: Path, python: Path) -> tuple[str, ...]:
    """Return which of the packages there are wheels of for a target."""
    done = _reflink(host, environment.parent, "copy", python, environment, "numpy", "black")
    remove(environment)
    return ("black",) if done.returncode else ("numpy", "black")


def _cell(directory: Path, host: Path, python: Path, modules: Sequence[str]) -> str:
    found = []
    for mode in MODES:
        environment = directory / mode
        done = _reflink(host, directory.parent, mode, python, environment, *modules)
        wrong = list(faults(environment, modules)) if done.returncode == 0 else [done.stderr.strip().splitlines()[-1]]
        found += [f"{mode}: {each}" for each in wrong]
        remove(environment)
    return "; ".join(found) or _all_is_well()


def _all_is_well() -> str:
    return f"all {len(MODES)}"


def _reflink(
    host: Path, place: Path, mode: str, python: Path, environment: Path, *requirements: str
) -> subprocess.CompletedProcess[str]:
    words = [word for requirement in requirements for word in ("--with", requirement)]
    command = [host, "-m", "virtualenv_reflink", "venv", "--wheel-cache", place / "cache", "--link-mode", mode]
    environ = {**os.environ, "PIP_ONLY_BINARY": "numpy"}
    return subprocess.run(
        [*command, "-p", python, *words, environment], env=environ, capture_output=True, text=True, check=False
    )


def _table(hosts: list[str], rows: Sequence[Row]) -> str:
    heads = ["target", "packages", *(f"host {version}" for version in hosts)]
    lines = [heads, ["---"] * len(heads), *([row.version, ", ".join(row.modules), *row.cells] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
