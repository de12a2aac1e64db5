"""pip's options in uv's words; what uv has no words for is refused by name."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from virtualenv_reflink.errors import OptionError
from virtualenv_reflink.requirements.named import is_url, local_path
from virtualenv_reflink.requirements.pip_options import Option

_PYPI = "https://pypi.org/simple"

# read with the request, looked at where installed packages are, or of no effect on what requirements come to
_ELSEWHERE = frozenset(
    {
        *("requirement", "constraint", "build-constraint", "editable", "require-hashes", "no-require-hashes"),
        *("upgrade", "upgrade-strategy", "force-reinstall", "ignore-installed"),
        *("break-system-packages", "cache-dir", "compile", "debug", "disable-pip-version-check", "dry-run"),
        *("no-clean", "no-color", "no-compile", "no-input", "no-python-version-warning", "no-warn-conflicts"),
        *("no-warn-script-location", "progress-bar", "quiet", "require-virtualenv", "resume-retries"),
        *("prefix", "report", "root", "root-user-action", "target", "use-pep517", "verbose"),
    }
)
_FLAGS = {
    "no-build-isolation": "--no-build-isolation",
    "no-cache-dir": "--no-cache",
    "no-deps": "--no-deps",
    "pre": "--prerelease=allow",
}
_VALUES = {"config-settings": "--config-setting", "trusted-host": "--allow-insecure-host"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)


class Translation(NamedTuple):
    """The same in uv's words: lines of a requirements file, which may hold secrets, arguments, and variables."""

    lines: list[str]
    arguments: list[str]
    variables: dict[str, str]


def translation(general: Sequence[Option], of_files: Sequence[Option]) -> Translation:
    """Translate the options of configuration and command line, and those of requirements files, which come after them.

    :raises OptionError: naming what uv cannot be told.
    """
    result = Translation(_index_lines(general, of_files), [], {})
    for option in (*general, *of_files):
        if option.name in _FLAGS:
            result.arguments.append(_FLAGS[option.name])
        elif option.name in _VALUES:
            result.arguments.extend((_VALUES[option.name], option.value))
        elif option.name in _VARIABLES:
            result.variables.update(_VARIABLES[option.name](option.value))
        elif option.name not in _ELSEWHERE and not _is_about_indexes(option):
            result.arguments.extend(_with_limits(option))
    return result


def refusal(option: Option) -> OptionError:
    """Return the error that says that uv cannot be told an option of pip."""
    said = f"--{option.name} {option.value}".rstrip()
    return OptionError(f"--resolver uv cannot take {said} of pip; leave it out, or use --resolver pip")


def _is_about_indexes(option: Option) -> bool:
    return option.name in {"index-url", "extra-index-url", "no-index", "find-links", "no-binary", "only-binary"}


def _index_lines(general: Sequence[Option], of_files: Sequence[Option]) -> list[str]:
    """Return lines about where to look.

    The options of a command line count together, those of requirements files one after the other, as with pip: there
    ``--index-url`` takes the place of all indexes before it.
    """
    indexes = [option.value for option in general if option.name == "index-url"][-1:] or [_PYPI]
    indexes += [option.value for option in general if option.name == "extra-index-url"]
    for option in of_files:
        if option.name == "index-url":
            indexes = [option.value]
        elif option.name == "extra-index-url":
            indexes.append(option.value)
    if any(option.name == "no-index" for option in (*general, *of_files)):
        lines = ["--no-index"]
    else:
        first, *others = map(_index, indexes)
        lines = [f"--index-url {first}", *(f"--extra-index-url {each}" for each in others)]
    return [*lines, *_link_lines((*general, *of_files)), *_format_lines((*general, *of_files))]


def _index(url: str) -> str:
    path = local_path(url) if url.lower().startswith("file:") else None if is_url(url) else Path(os.path.abspath(url))
    return path.as_uri() if path else url


def _link_lines(options: Iterable[Option]) -> list[str]:
    """Return lines with places to look for files; as with pip, one that is not there is none."""
    lines = []
    for option in options:
        if option.name == "find-links":
            value = os.path.expanduser(option.value)
            is_remote = is_url(value) and not value.lower().startswith("file:")
            path = None if is_remote else local_path(value) if is_url(value) else Path(os.path.abspath(value))
            if path is None or path.exists():
                lines.append(f"--find-links {path.as_uri() if path else value}")
    return lines


def _format_lines(options: Iterable[Option]) -> list[str]:
    return [
        f"--{option.name} {name.strip()}"
        for option in options
        if option.name in {"no-binary", "only-binary"}
        for name in option.value.split(",")
    ]


def _with_limits(option: Option) -> list[str]:
    """Translate an option of which uv takes only some values.

    :raises OptionError: for another value, and for all options that are in no table.
    """
    if option.name == "keyring-provider" and option.value == "subprocess":
        return ["--keyring-provider", "subprocess"]
    if option.name == "keyring-provider" and option.value in {"auto", "disabled"}:
        return []
    if option.name == "uploaded-prior-to" and _MOMENT.fullmatch(option.value):
        return ["--exclude-newer", option.value]
    raise refusal(option)


def _proxies(value: str) -> dict[str, str]:
    return dict.fromkeys(("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy", "https_proxy"), value)


def _timeout(value: str) -> dict[str, str]:
    try:
        return {"UV_HTTP_TIMEOUT": str(math.ceil(float(value)))}
    except (ValueError, OverflowError):
        raise refusal(Option("timeout", value)) from None


_VARIABLES: dict[str, Callable[[str], dict[str, str]]] = {
    "cert": lambda value: {"SSL_CERT_FILE": value},
    "client-cert": lambda value: {"SSL_CLIENT_CERT": value},
    "proxy": _proxies,
    "retries": lambda value: {"UV_HTTP_RETRIES": value},
    "timeout": _timeout,
}
