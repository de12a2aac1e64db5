"""Which options pip has, as far as they decide what is resolved, and what kind of value each takes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

REQUIREMENTS_FILES = frozenset({"requirement", "constraint", "build-constraint"})
PLACES = frozenset({"find-links"})
INDEXES = frozenset({"index-url", "extra-index-url"})
EDITABLES = frozenset({"editable"})

WITHOUT_FILES = frozenset(
    {
        *("abi", "all-releases", "cache-dir", "cert", "client-cert", "exists-action", "hash", "implementation"),
        *("keyring-provider", "log", "no-binary", "only-binary", "only-final", "platform", "prefix"),
        *("progress-bar", "proxy", "python-version", "report", "resume-retries", "retries", "root", "root-user-action"),
        *("src", "target", "timeout", "trusted-host", "upgrade-strategy", "uploaded-prior-to", "use-deprecated"),
        "use-feature",
    }
)
"""Options with a value that changes no more than its text says, whatever file it may name."""

FLAGS = frozenset(
    {
        *("break-system-packages", "check-build-dependencies", "compile", "debug", "disable-pip-version-check"),
        *("dry-run", "force-reinstall", "ignore-installed", "ignore-requires-python", "isolated", "no-build-isolation"),
        *("no-cache-dir", "no-clean", "no-color", "no-compile", "no-deps", "no-index", "no-input"),
        *("no-python-version-warning", "no-require-hashes", "no-warn-conflicts", "no-warn-script-location", "pre"),
        *("prefer-binary", "quiet", "require-hashes", "require-virtualenv", "upgrade", "use-pep517", "user", "verbose"),
    }
)

REPEATED = REQUIREMENTS_FILES | PLACES | EDITABLES | {"extra-index-url", "group", "trusted-host", "use-feature"}
"""Options that can be given several times, so that their values stand between spaces in configuration."""

_ALIASES = {
    "i": "index-url",
    "pypi-url": "index-url",
    "f": "find-links",
    "r": "requirement",
    "c": "constraint",
    "e": "editable",
    "C": "config-settings",
    "config-setting": "config-settings",
    "I": "ignore-installed",
    "U": "upgrade",
    "t": "target",
    "no-dependencies": "no-deps",
    "default-timeout": "timeout",
    "no-cache": "no-cache-dir",
    "q": "quiet",
    "v": "verbose",
}
_WITH_VALUE = REQUIREMENTS_FILES | PLACES | INDEXES | EDITABLES | WITHOUT_FILES | {"config-settings"}


class Option(NamedTuple):
    """An option by its long name without dashes, and its value, which is empty for flags."""

    name: str
    value: str


class UnknownOptionError(Exception):
    """An option about which nothing is known here."""


def options_of(words: Sequence[str]) -> Iterator[Option]:
    """Yield the options that words of a command line or of a requirements file say.

    :raises UnknownOptionError: for an option that is in no table, was abbreviated, or lacks its value.
    """
    rest = iter(words)
    for word in rest:
        name, value = _split(word)
        if name in FLAGS and value is None:
            yield Option(name, "")
        elif name in _WITH_VALUE:
            value = next(rest, None) if value is None else value
            if value is None:
                raise UnknownOptionError(word)
            yield Option(name, value)
        else:
            raise UnknownOptionError(word)


def long_name(name: str) -> str:
    """Return the first name of an option, given without dashes."""
    return _ALIASES.get(name, name)


def _split(word: str) -> tuple[str, str | None]:
    """Split ``--name=value`` and ``-nvalue`` as optparse does."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return long_name(name), value if equals else None
    if word.startswith("-") and len(word) > 1:
        return long_name(word[1]), word[2:] or None
    raise UnknownOptionError(word)
