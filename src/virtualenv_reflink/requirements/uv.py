"""uv, run through its public command line only, and told nothing but what it is handed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from virtualenv_reflink.errors import MissingExtraError, ResolveError
from virtualenv_reflink.requirements.tool import run_tool

if TYPE_CHECKING:
    from virtualenv_reflink.cache.wheel_cache import WheelCache

_OLDEST = (0, 9)
# where uv keeps what it fetched, and how much it does at once: what changes no answer
_KEPT = frozenset(
    {"UV_CACHE_DIR", "UV_NO_CACHE", "UV_CONCURRENT_BUILDS", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS"}
)
_SET = {
    "NO_COLOR": "1",
    "UV_NO_CONFIG": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    # certificates are the system's, as pip's are; the second is the name that older versions know
    "UV_SYSTEM_CERTS": "1",
    "UV_NATIVE_TLS": "1",
}
# how an error begins: the second is the multiplication sign of older versions
_BEGINNINGS = ("error", "\N{MULTIPLICATION SIGN}")
_ADVICE = "install virtualenv-reflink[uv]"


class Uv:
    """The uv that is installed beside this project, or else the one on the PATH."""

    def __init__(self, cache: WheelCache) -> None:
        """Find it; its version is asked once for the very same file.

        :raises MissingExtraError: when there is none.
        :raises ResolveError: when it does not run, or is too old.
        """
        self._path = _find()
        try:
            self.version = cache.fact_of_file("uv", self._path, _ask_version, _known_version)
        except OSError as error:
            raise ResolveError(f"{self._path} cannot be run ({error.strerror}); {_ADVICE}") from error
        if _numbers(self.version) < _OLDEST:
            oldest = ".".join(map(str, _OLDEST))
            raise ResolveError(
                f"{self._path} is uv {self.version}, and --resolver uv needs {oldest} or later; {_ADVICE}"
            )

    def compile(self, arguments: Sequence[str], variables: Mapping[str, str], on_line: Callable[[str], None]) -> None:
        """Run ``uv pip compile ARGUMENTS`` and hand each line that it prints to ``on_line``.

        Neither uv's configuration files nor its variables count, so that it answers what pip is asked.

        :raises ResolveError: with uv's own explanation, when it fails.
        """
        environ = {name: value for name, value in os.environ.items() if not name.startswith("UV_") or name in _KEPT}
        status, said = run_tool(
            [str(self._path), "pip", "compile", *arguments], {**environ, **_SET, **variables}, on_line
        )
        if status:
            raise ResolveError(f"uv failed:\n{_explanation(said)}")


def _find() -> Path:
    if find_spec("uv") is not None:
        from uv import find_uv_bin

        try:
            return Path(find_uv_bin())
        except FileNotFoundError:
            pass
    found = shutil.which("uv")
    if found is None:
        raise MissingExtraError(f"--resolver uv needs uv; {_ADVICE}")
    return Path(found)


def _ask_version(uv: Path) -> str:
    done = subprocess.run([uv, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    words = done.stdout.split()
    return words[1] if done.returncode == 0 and len(words) > 1 else "0"


def _known_version(text: str) -> str:
    if not _numbers(text):
        raise ValueError(text)
    return text


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _explanation(said: Sequence[str]) -> str:
    """Return what uv printed from its first error on."""
    first = next((number for number, line in enumerate(said) if line.lstrip().startswith(_BEGINNINGS)), 0)
    return "\n".join(said[first:]) or "it said nothing"
