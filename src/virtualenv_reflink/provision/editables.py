"""Projects that an environment refers to instead of holding their files: pip builds them (PEP 660)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from virtualenv_reflink.requirements.pip_requirements import write_requirements

if TYPE_CHECKING:
    from virtualenv_reflink.provision.context import Context
    from virtualenv_reflink.requirements.lock import Locked

# Whatever pip's configuration files say of where packages go, it does not count under a prefix of their own.
_NOWHERE_ELSE = ("--no-user", "--target=", "--root=/")


@contextmanager
def built_editables(packages: Sequence[Locked], context: Context) -> Iterator[list[Path]]:
    """Have pip install each of ``packages`` under a prefix of its own, and hand out the prefixes for the time being.

    :raises ResolveError: with pip's own explanation, when one cannot be built.
    """
    with TemporaryDirectory(prefix="virtualenv-reflink-") as directory:
        prefixes = [Path(directory, str(number)) for number in range(len(packages))]
        for package, prefix in zip(packages, prefixes, strict=True):
            _build(package, prefix, context)
        yield prefixes


def _build(package: Locked, prefix: Path, context: Context) -> None:
    requirements = prefix.with_suffix(".txt")
    write_requirements(requirements, [package], editable=True)
    options = ["--no-deps", "--ignore-installed", "--no-warn-script-location", "--prefix", str(prefix)]
    with context.progress.stage(f"Building {package.name} {package.version}"):
        words = ["install", *options, *_NOWHERE_ELSE, *context.index_options, "-r", str(requirements)]
        context.pip.run_alone(words, context.progress.detail)
