"""What pip is told by its configuration files and by variables (pip's documentation, "Configuration")."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from virtualenv_reflink.requirements.pip_options import FLAGS, Option, long_name

_NAME = "pip.ini" if os.name == "nt" else "pip.conf"
_FALSE = frozenset({"n", "no", "f", "false", "off", "0"})
_NOT_OPTIONS = frozenset({"config-file", "no-input", "version", "help", "python"})


def configuration_files(environ: Mapping[str, str], prefix: Path) -> Iterator[Path]:
    """Yield the files that pip reads, the least important first, whether they exist or not.

    ``prefix`` is the root of the environment that pip runs for.
    """
    import platformdirs

    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    for directory in platformdirs.site_config_dir("pip", appauthor=False, multipath=True).split(os.pathsep):
        yield Path(directory, _NAME)
    yield Path("/etc", _NAME)
    if not (named and os.path.exists(named)):
        yield Path.home() / ("pip" if os.name == "nt" else ".pip") / _NAME
        yield Path(platformdirs.user_config_dir("pip", appauthor=False, roaming=True), _NAME)
    yield prefix / _NAME
    if named:
        yield Path(named)


def configured_options(environ: Mapping[str, str], prefix: Path) -> list[Option] | None:
    """Return what files and variables say, of every section; None when a file cannot be read.

    An option may be there several times; a value is the whole text, which pip splits at whitespace. A flag is there
    when it is switched on; a variable that switches it off outweighs the files.
    """
    found = _options_of_files(environ, prefix)
    if found is None:
        return None
    variables = _options_of_variables(environ)
    without = _NOT_OPTIONS | {option.name for option in variables if _is_off(option)}
    options = (*(option for _, option in found), *variables)
    return [each for each in options if each.name not in without and not _is_off(each)]


def options_of_install(environ: Mapping[str, str], prefix: Path) -> list[Option] | None:
    """Return what files and variables say to ``pip install``: each option once, as what outweighs the rest has it.

    That is a later file, the section of the command before the global one, and a variable before all files. None when
    a file cannot be read.
    """
    found = _options_of_files(environ, prefix)
    if found is None:
        return None
    of_files = [option for wanted in ("global", "install") for section, option in found if section == wanted]
    weighed = {option.name: option for option in (*of_files, *_options_of_variables(environ))}
    return [option for option in weighed.values() if option.name not in _NOT_OPTIONS and not _is_off(option)]


def _is_off(option: Option) -> bool:
    return option.name in FLAGS and option.value.strip().lower() in _FALSE


def _options_of_variables(environ: Mapping[str, str]) -> list[Option]:
    return [_option(name[4:], value) for name, value in environ.items() if name.startswith("PIP_") and value]


def _options_of_files(environ: Mapping[str, str], prefix: Path) -> list[tuple[str, Option]] | None:
    """Return sections and options, the least important file first; None when one of the files cannot be read."""
    options = []
    for path in configuration_files(environ, prefix):
        if path.exists():
            found = _options_in(path)
            if found is None:
                return None
            options += found
    return options


def _options_in(path: Path) -> list[tuple[str, Option]] | None:
    # where nothing is configured this import is not worth its time
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read(path)
    except (configparser.Error, UnicodeDecodeError, OSError):
        return None
    return [
        (section, _option(key, value)) for section in parser.sections() for key, value in parser.items(section) if value
    ]


def _option(key: str, value: str) -> Option:
    return Option(long_name(key.lower().replace("_", "-").removeprefix("--")), value)


def is_switched_on(flag: str, words: Sequence[str], environ: Mapping[str, str], prefix: Path) -> bool:
    """Return whether a flag, by its name without dashes, is among words of a command line or configured."""
    if f"--{flag}" in words:
        return True
    return any(option.name == flag for option in configured_options(environ, prefix) or [])
