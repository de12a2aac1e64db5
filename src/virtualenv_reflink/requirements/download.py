"""Wheels of a lock, downloaded by pip."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from virtualenv_reflink.errors import ResolveError
from virtualenv_reflink.progress import Progress
from virtualenv_reflink.requirements.lock import Locked
from virtualenv_reflink.requirements.pip import Pip
from virtualenv_reflink.requirements.pip_requirements import write_requirements

_AT_ONCE = 4
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_REFUSED = re.compile(r"\b(401|403|404)\b")


class Downloads:
    """Downloads archives, some at once."""

    def __init__(self, pip: Callable[[], Pip], index_options: Sequence[str], progress: Progress) -> None:
        """Take what makes a pip, pip's options about indexes and builds, and who hears of the progress."""
        self._pip = pip
        self._index_options = list(index_options)
        self._progress = progress

    def download(
        self, packages: Sequence[Locked], directory: Path, on_saved: Callable[[Sequence[Locked]], None]
    ) -> None:
        """Download the archives of ``packages`` into a directory; ``on_saved`` hears which are there, some at once.

        :raises ResolveError: with pip's own explanation, when one cannot be had.
        """
        with self._progress.stage("Downloading", len(packages)), ThreadPoolExecutor(_AT_ONCE) as pool:
            shares = [packages[start::_AT_ONCE] for start in range(min(_AT_ONCE, len(packages)))]
            list(pool.map(lambda share: self._saved(share[0], share[1], directory, on_saved), enumerate(shares)))

    def _saved(
        self, number: int, packages: Sequence[Locked], directory: Path, on_saved: Callable[[Sequence[Locked]], None]
    ) -> None:
        self._download(number, packages, directory)
        on_saved(packages)

    def _download(self, number: int, packages: Sequence[Locked], directory: Path) -> None:
        try:
            self._run(directory / f"{number}.txt", packages, directory, by_name=False)
        except ResolveError as error:
            # a server may hand out files only to those who come through its pages
            if any(package.is_direct for package in packages) or not _REFUSED.search(str(error)):
                raise
            try:
                self._run(directory / f"{number}-by-name.txt", packages, directory, by_name=True)
            except ResolveError:
                raise error from None

    def _run(self, requirements: Path, packages: Sequence[Locked], directory: Path, *, by_name: bool) -> None:
        write_requirements(requirements, packages, by_name=by_name)
        arguments = ["download", "--no-deps", "--progress-bar", "raw", "--dest", str(directory)]
        self._pip().run_alone([*arguments, *self._index_options, "-r", str(requirements)], self._report)

    def _report(self, line: str) -> None:
        if progress := _PROGRESS.match(line):
            if progress[1] == progress[2] != "0":
                self._progress.step("")
        else:
            self._progress.detail(line)
