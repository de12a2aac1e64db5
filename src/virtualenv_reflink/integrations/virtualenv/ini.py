"""virtualenv's configuration file: single options of its section changed, every other byte left as it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path

from platformdirs import user_config_path

from virtualenv_reflink.errors import IniError
from virtualenv_reflink.filesystem.atomic import atomic_write

VARIABLE = "VIRTUALENV_CONFIG_FILE"
SECTION = "virtualenv"

_BYTE_ORDER_MARK = "\ufeff"


def ini_path() -> Path:
    """Return where virtualenv looks for its configuration (virtualenv's documentation, "Configuration file").

    :raises IniError: when there is no such place.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    try:
        place = user_config_path("virtualenv", appauthor="pypa")
    except RuntimeError:
        place = Path()
    if not place.is_absolute():
        raise IniError(f"there is no home directory to look for virtualenv.ini in; name a file with {VARIABLE}")
    return place / "virtualenv.ini"


class VirtualenvIni:
    """One configuration file, which need not exist."""

    def __init__(self, path: Path) -> None:
        """Read the file at ``path``.

        :raises IniError: when virtualenv could not read it either.
        """
        # so that a link stays a link
        self.path = path.resolve()
        try:
            self._text = self.path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            self._text = ""
        except UnicodeDecodeError as error:
            raise IniError(
                f"{path} is not UTF-8 (byte {error.start}); virtualenv cannot read it; correct it by hand"
            ) from error
        except OSError as error:
            raise IniError(f"{path} cannot be read: {error.strerror}; make it a readable file") from error
        self._sections = self._parsed(self._text)

    def get(self, option: str) -> str | None:
        """Return the value that virtualenv takes from the file for ``option``."""
        return self._sections.get(SECTION, {}).get(option)

    def change(self, changes: Mapping[str, str | None]) -> None:
        """Set options of virtualenv's section, remove those that are None, and write the file at once or not at all.

        :raises IniError: when it cannot be written, or is so unusual that something else would change.
        """
        changes = {option: value for option, value in changes.items() if value != self.get(option)}
        if not changes:
            return
        text = _changed(self._text, changes)
        sections = self._parsed(text)
        if sections != _expected(self._sections, changes):
            raise IniError(f"{self.path} is written in a way that is not safe to change; edit its [{SECTION}] by hand")
        self._write(text)
        self._text, self._sections = text, sections

    def _parsed(self, text: str) -> dict[str, dict[str, str]]:
        parser = ConfigParser(interpolation=None)
        try:
            parser.read_string(text.removeprefix(_BYTE_ORDER_MARK), source=str(self.path))
        except Error as error:
            reason = " ".join(str(error).split())
            raise IniError(f"virtualenv cannot read {self.path}: {reason}; correct it by hand") from error
        return {name: dict(parser[name]) for name in parser}

    def _write(self, text: str) -> None:
        try:
            if self.path.exists() and not os.access(self.path, os.W_OK):
                raise PermissionError(0, "it is read-only")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            mode = stat.S_IMODE(self.path.stat().st_mode) if self.path.exists() else None
            atomic_write(self.path, text.encode("utf-8"))
            if mode is not None:
                self.path.chmod(mode)
        except OSError as error:
            raise IniError(
                f"{self.path} cannot be written: {error.strerror}; make it writable, or set VIRTUALENV_SEEDER=reflink"
            ) from error


def _changed(text: str, changes: Mapping[str, str | None]) -> str:
    from configupdater import ConfigUpdater

    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    only_crlf = 0 < text.count("\r\n") == text.count("\n")
    content = text.removeprefix(_BYTE_ORDER_MARK)
    updater = ConfigUpdater()
    updater.read_string(content.replace("\r\n", "\n") if only_crlf else content)
    if not updater.has_section(SECTION):
        updater.add_section(SECTION)
    for option, value in changes.items():
        if value is None:
            updater.remove_option(SECTION, option)
        else:
            updater.set(SECTION, option, value)
    changed = str(updater)
    return mark + (changed.replace("\n", "\r\n") if only_crlf else changed)


def _expected(
    sections: Mapping[str, Mapping[str, str]], changes: Mapping[str, str | None]
) -> dict[str, dict[str, str]]:
    expected = {name: dict(options) for name, options in sections.items()}
    options = expected.setdefault(SECTION, dict(expected["DEFAULT"]))
    options.update({option: value for option, value in changes.items() if value is not None})
    for option in [option for option, value in changes.items() if value is None]:
        options.pop(option, None)
    return expected
