"""Everything on this machine that can change what requirements resolve to, as one text."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from virtualenv_reflink.requirements.request import Request

_FILE_OPTIONS = ("-r", "--requirement", "-c", "--constraint", "--build-constraint", "--requirements-from-script")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
# what building leaves in a project directory
_MADE = ("__pycache__", "build", "dist", "node_modules")
_BLOCK = 1 << 20


def fingerprint(request: Request, index_options: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return the request with the content of every local file it leads to, and of pip's configuration.

    Remote files count by their address alone; that is what the time limit of remembered resolutions is for.
    """
    seen: dict[str, str] = {}
    for path in [*request.files, *request.constraints]:
        _add_requirements_file(path, environ, seen)
    words = [*request.requirements, *request.editables, *index_options]
    _add_local_files(words, Path.cwd(), seen)
    settings = [f"{name}={value}" for name, value in sorted(environ.items()) if name.startswith("PIP_")]
    _add_local_files(environ.get("PIP_FIND_LINKS", "").split(), Path.cwd(), seen)
    _add_local_files([str(path) for path in _pip_configuration(environ)], Path.cwd(), seen)
    return [repr(request), *index_options, *settings, *(f"{path}={digest}" for path, digest in sorted(seen.items()))]


def directory_digest(directory: Path) -> str:
    """Return a SHA-256 over the files of a project, and over what Git says of its version."""
    hasher = hashlib.sha256()
    for path in sorted(_project_files(directory)):
        hasher.update(f"{path.relative_to(directory)}\0{_digest(path)}\0".encode("utf-8", "surrogateescape"))
    return hasher.hexdigest()


def _project_files(directory: Path) -> Iterator[Path]:
    for parent, names, files in os.walk(directory):
        names[:] = [name for name in names if not _is_made(name)]
        yield from (Path(parent, name) for name in files)
    git = directory / ".git"
    yield from (path for path in (git / "HEAD", git / "packed-refs") if path.is_file())
    yield from (path for path in (git / "refs").rglob("*") if path.is_file())


def _is_made(name: str) -> bool:
    return name.startswith(".") or name in _MADE or name.endswith(".egg-info")


def _add_requirements_file(name: str, environ: Mapping[str, str], seen: dict[str, str]) -> None:
    path = Path(name)
    if str(path) in seen or not path.is_file():
        return
    seen[str(path)] = _digest(path)
    text = path.read_text(encoding="utf-8", errors="replace")
    for variable in _VARIABLE.findall(text):
        seen[f"${{{variable}}}"] = environ.get(variable, "")
    for line in text.replace("\\\n", " ").splitlines():
        words = _words(line)
        for option, value in pairwise(words):
            if option in _FILE_OPTIONS:
                _add_requirements_file(str(path.parent / value), environ, seen)
        _add_local_files(words, Path.cwd(), seen)
        _add_local_files(words, path.parent, seen)


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        words = line.split()
    return [part for word in words for part in _split_option(word)]


def _split_option(word: str) -> list[str]:
    """Split ``--option=value``, and ``-rfile`` as optparse would."""
    if word.startswith("--"):
        return word.split("=", 1)
    if word[:2] in {"-r", "-c", "-e", "-f"} and len(word) > 2:
        return [word[:2], word[2:]]
    return [word]


def _add_local_files(words: Iterable[str], base: Path, seen: dict[str, str]) -> None:
    """Add those of ``words`` that name a file or directory; what does not look like a path is a name, as for pip."""
    for word in words:
        name = word.rpartition("@ ")[2].strip().removeprefix("file://").partition("#")[0]
        name = re.sub(r"\[[^\]/]*\]$", "", name)
        if os.sep not in name and not name.startswith(".") and not name.endswith(_ARCHIVES):
            continue
        path = base / name
        if path.is_file():
            seen[str(path)] = _digest(path)
        elif path.is_dir():
            seen[str(path)] = _directory_state(path)


def _directory_state(path: Path) -> str:
    if any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
        return directory_digest(path)
    return repr(sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in os.scandir(path)))


def _pip_configuration(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files that pip's documentation names as its configuration."""
    import platformdirs

    name = "pip.ini" if os.name == "nt" else "pip.conf"
    yield Path("/etc", name)
    for directories in (
        platformdirs.site_config_dir("pip", appauthor=False, multipath=True),
        platformdirs.user_config_dir("pip", appauthor=False, roaming=True),
    ):
        yield from (Path(directory, name) for directory in directories.split(os.pathsep))
    yield Path.home() / ("pip" if os.name == "nt" else ".pip") / name
    if "PIP_CONFIG_FILE" in environ:
        yield Path(environ["PIP_CONFIG_FILE"])


def _digest(path: Path) -> str:
    hasher = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                hasher.update(block)
    except OSError as error:
        return f"unreadable: {error.errno}"
    return hasher.hexdigest()
